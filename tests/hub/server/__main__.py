"""`python tests/hub/server [PORT]`: the server by itself, for clients of other environments; prints how to reach it."""

import importlib.util
import sys
import time
from pathlib import Path

if __name__ == "__main__":
    here = Path(__file__).parent
    spec = importlib.util.spec_from_file_location("hub_server", here / "__init__.py", submodule_search_locations=[str(here)])
    hub_server = sys.modules["hub_server"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hub_server)
    token = "hf_" + "local" * 7
    hub = hub_server.Hub({token: hub_server.User("local", {"acme": "write"})})
    with hub_server.HubServer(hub, int(sys.argv[1]) if len(sys.argv) > 1 else 0) as server:
        sys.stdout.write(f"export HF_ENDPOINT={server.url} HF_TOKEN={token} HF_HUB_DISABLE_XET=1 HF_HUB_DISABLE_TELEMETRY=1\n")
        sys.stdout.flush()
        try:
            while True:
                time.sleep(1)
        except KeyboardInterrupt:
            sys.exit(0)
