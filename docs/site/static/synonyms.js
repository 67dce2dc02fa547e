/* Words of other frameworks, behind what these pages call the same thing: a search for `blueprint`
 * finds sections with "blueprint" or "controller". A phrase comes before its words. The words of a
 * query may end in `s`. tests/docs/test_site.py asks for these words. */
"use strict";

const SYNONYMS = {
  "a folder of files": ["static"],
  "access token": ["jwt"],
  controller: ["apirouter", "blueprint", "router", "viewset"],
  documentation: ["redoc", "swagger"],
  filters: ["paginate", "pagination"],
  "identities of sockets": ["socket auth", "websocket auth", "websocket authentication"],
  "in a container": ["docker", "dockerfile", "gunicorn", "kubernetes", "uvicorn"],
  "invalid input": ["validate", "validation"],
  logs: ["logging"],
  "one after the other": ["rolling"],
  rules: ["authorization", "permission"],
  schedule: ["cron", "job", "night", "nightly"],
  scopes: ["dependency injection", "depends"],
  "server-sent events": ["sse"],
  "set-up": ["lifespan", "on_shutdown", "on_startup", "startup"],
  sockets: ["room", "websocket"],
  stopping: ["graceful", "shutdown"],
  "the bundle security": ["auth", "authentication"],
  "the events": ["after_request", "before_request", "hook", "interceptor"],
  "work after the response": ["background task", "backgroundtask", "celery"],
  "your own error format": ["custom format", "error handler", "exception handler"],
};
