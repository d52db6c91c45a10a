"""The console: pages for people, drawn here from the services that the API uses.

**A page** is a route below `routes/` that takes a visit (`visits.py`: who looks, and that they may)
and answers with `show` (`rendering.py`), which needs the page's twin. A form's route takes a visit
of the role that the API asks for the same thing, reads `fields_of` (`web/forms.py`), and ends with
`leave`: a redirect with a message. No page writes SQL, and none answers JSON.

**Its twin** is the call of the API that gives what the page shows. The page names it in
`<link rel="alternate" type="application/json">`, and the page's own URL, asked for with
`Accept: application/json`, leads there. What the API does not have yet is made there first.

**Every error** is raised as the API raises it; `problem_pages.py` shows it as a page to browsers,
and leads who is not signed in to `/signin`.

**Live** is a fragment of a page that `streaming.py` draws again and sends when it has changed. What
is live holds no field that somebody types into.

**A tab of a connector** is a line in `tabs.py`, a module in `routes/` that answers with `show_tab`,
and a template that extends `connector/base.html`.
"""
