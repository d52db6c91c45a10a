"""The switches for theme and times: a form each, so that they work without a script."""

from fastapi import APIRouter, Request, Response

from benchling_connector.web.console.places import own_path
from benchling_connector.web.console.preferences import COOKIES, KEPT_S
from benchling_connector.web.console.rendering import leave
from benchling_connector.web.forms import chosen, fields_of
from benchling_connector.web.settings import settings_of

__all__ = ["router"]

router = APIRouter(include_in_schema=False)


@router.post("/preferences")
async def set_preferences(request: Request) -> Response:
    """Keeps what is chosen in the browser, whoever it is, and leads back.

    It changes nothing but cookies of the browser that sends it, so nobody has to be signed in.
    """
    fields = await fields_of(request)
    response = leave(request, own_path(fields.get("back")))
    for field, (cookie, choices) in COOKIES.items():
        if field in fields:
            value = chosen(fields, field, {str(one): str(one) for one in choices})
            response.set_cookie(
                cookie,
                value,
                max_age=KEPT_S,
                path="/",
                secure=settings_of(request).is_https(request),
                httponly=True,
                samesite="lax",
            )
    return response
