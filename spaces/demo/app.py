"""The Space: the demo as the environment describes it."""

from hf_optical.demo.app import launch
from hf_optical.demo.settings import DemoSettings

if __name__ == "__main__":
    launch(DemoSettings.from_environment())
