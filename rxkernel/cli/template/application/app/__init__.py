"""__project__: the application with all its parts."""

from app.greetings import GreetingController, Greetings
from app.timing import Timing
from rxkernel import Application

application = Application(
    controllers=[GreetingController],
    listeners=[Timing],
    modules=[lambda binder: binder.bind(Greetings, to=Greetings())],
)
