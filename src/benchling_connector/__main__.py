"""`python -m benchling_connector`."""

from benchling_connector.cli.main import main

if __name__ == "__main__":
    main()
