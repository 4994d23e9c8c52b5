"""A real TAXII 2.1 server (medallion) in a thread, with faults injected before and after it does its work.

medallion keeps everything in memory, answers at once, and counts an exact repeat as a failure, as its release 3.0.0 does. What it
cannot do is done around it: statuses that stay pending, objects refused in part, answers lost after the commit.
"""

import io
import json
import threading
import warnings
from contextlib import contextmanager

COLLECTION = "91a7b528-80eb-42ed-a74d-c6fbd5a26116"
USER, PASSWORD = "soc", "pw"
MEDIA_TYPE = "application/taxii+json;version=2.1"


class Server:
    """A running server.

    Attributes:
        plan: what is done to the next POSTs, one each: None lets it through, a number answers with that status, and
            ``lose_answer``, ``stall_after``, ``pending``, ``partial``, ``reset`` are told below.
        posts: how many POSTs came.
    """

    def __init__(self, app, root, backend, *, readable=True):
        self._app, self._root, self._backend, self._readable = app, root, backend, readable
        self.plan, self.posts, self.url = [], 0, ""
        self._pending = {}

    @property
    def objects(self):
        """(id, version) of every stored object, in order of arrival."""
        (collection,) = [one for one in self._backend.data[self._root]["collections"] if one["id"] == COLLECTION]
        return [(item["id"], item.get("modified", item.get("created", ""))) for item in collection["objects"]]

    def __call__(self, env, start):
        path = env["PATH_INFO"]
        if env["REQUEST_METHOD"] == "GET":
            status = path.rstrip("/").rpartition("/")[2]
            if "/status/" in path and status in self._pending:
                self._pending[status][0] -= 1
                if self._pending[status][0] > 0:
                    return answer(start, 200, {**self._pending[status][1], "status": "pending"})
                return answer(start, 200, self._pending.pop(status)[1])
            if not self._readable and "/objects/" in path:
                return answer(start, 403, {"title": "write only"})
            return self._app(env, start)
        self.posts += 1
        act = self.plan.pop(0) if self.plan else None
        if act is None:
            return self._app(env, start)
        if isinstance(act, int):
            return answer(start, act, {"title": "told to"}, [("Retry-After", "0")])
        if act == "reset":
            raise ConnectionResetError
        if act == "partial":
            return self._partial(env, start)
        body = self._inner(env)
        if act == "pending":
            self._pending[body["id"]] = [2, body]
            return answer(start, 202, {**body, "status": "pending"})
        return answer(start, 500, {"title": "lost"})  # lose_answer: committed, and not said

    def _inner(self, env):
        return json.loads(b"".join(self._app(env, lambda *_: None)))

    def _partial(self, env, start):
        """Take the first half of the objects and refuse the others."""
        length = int(env["CONTENT_LENGTH"])
        objects = json.loads(env["wsgi.input"].read(length))["objects"]
        half = json.dumps({"objects": objects[: len(objects) // 2]}).encode()
        env = {**env, "wsgi.input": io.BytesIO(half), "CONTENT_LENGTH": str(len(half))}
        body = self._inner(env)
        refused = [{"id": item["id"], "version": "", "message": "busy"} for item in objects[len(objects) // 2 :]]
        body |= {"failures": refused, "failure_count": len(refused), "total_count": len(objects)}
        return answer(start, 202, body)


def answer(start, status, body, headers=()):
    start(f"{status} X", [("Content-Type", MEDIA_TYPE), *headers])
    return [json.dumps(body).encode()]


@contextmanager
def taxii(*, max_content_length=1048576, readable=True, objects=()):
    """A server with one collection, on a free port of this machine."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # medallion 3.0.0 is of 2020: what it calls is deprecated, and its own matter
        import medallion
        from flask import Flask
        from medallion.backends.memory_backend import MemoryBackend
        from medallion.exceptions import BackendError, ProcessingError
        from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        def log(self, *told):
            pass

    root = "ncsc"
    app = Flask(root)
    app.users_backend = {USER: PASSWORD}
    app.taxii_config = {"max_page_size": 100}
    app.medallion_backend = MemoryBackend()
    collection = {
        "id": COLLECTION, "title": "inbox", "can_read": True, "can_write": True,
        "media_types": ["application/stix+json;version=2.1"], "objects": list(objects), "manifest": [],
    }  # fmt: skip
    information = {"title": root, "description": "", "versions": [MEDIA_TYPE], "max_content_length": max_content_length}
    app.medallion_backend.data = {
        "/discovery": {"title": "discovery", "default": f"/{root}/", "api_roots": [f"/{root}/"]},
        root: {"information": information, "status": [], "collections": [collection]},
    }
    app.register_error_handler(ProcessingError, medallion.handle_processing_error)
    app.register_error_handler(BackendError, medallion.handle_backend_error)
    medallion.register_blueprints(app)
    server = Server(app.wsgi_app, root, app.medallion_backend, readable=readable)
    listening = make_server("127.0.0.1", 0, server, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=listening.serve_forever, daemon=True)
    thread.start()
    server.url = f"http://127.0.0.1:{listening.server_port}/{root}"
    try:
        yield server
    finally:
        listening.shutdown()
        thread.join(5)
        listening.server_close()
