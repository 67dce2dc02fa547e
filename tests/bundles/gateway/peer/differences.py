"""Where the transcripts of moleculer-io and of the bundle may differ, and why.

Each difference names the kind: a row of improvements (see the page of the bundle), or a reason.
A step that is listed and does not differ fails the test.
"""
