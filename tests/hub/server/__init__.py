"""A Hub-compatible server for tests: repositories with commits, LFS, private repositories, collections, faults on request.

It keeps everything in memory and speaks the endpoints that `huggingface_hub`, `transformers`, `datasets` and `evaluate` call.
"""

from .app import create_app
from .faults import Fault
from .serve import HubServer, client_environment
from .store import Hub, User

__all__ = ["Fault", "Hub", "HubServer", "User", "client_environment", "create_app"]
