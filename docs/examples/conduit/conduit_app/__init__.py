"""The RealWorld API ("Conduit"): a blog with users, articles, comments, favourites and a feed."""

from bundles.resources import ResourcesBundle
from bundles.security import RouteSettings, SecurityBundle, SecuritySettings, TokenSettings
from conduit_app.articles import ArticleController
from conduit_app.comments import CommentController
from conduit_app.errors import RealWorldErrors
from conduit_app.tables import Base
from conduit_app.users import Accounts, ProfileController, UserController
from rxkernel import Application, HttpSettings, Settings

SECURITY = SecuritySettings(
    token_scheme="Token",
    tokens=TokenSettings(ttl=604_800.0),  # the API has no refresh tokens
    routes=RouteSettings(login=False, refresh_token=False, logout=False),
)
SETTINGS = Settings(http=HttpSettings(prefix="/api"), bundles={"security": SECURITY})


def create_application(settings: Settings = SETTINGS) -> Application:
    return Application(
        bundles=[ResourcesBundle(Base), SecurityBundle(Accounts)],
        controllers=[UserController, ProfileController, ArticleController, CommentController],
        listeners=[RealWorldErrors],
        settings=settings,
    )
