"""The Hub: pushing students, teachers, bitext, metric, Space and collection, with cards that say what was measured.

Nothing of this package is needed to load what was pushed: `from_pretrained`, `load_dataset` and `evaluate.load` do.
"""

from .attribution import Attribution
from .bitext import bitext_card, push_bitext
from .collection import push_collection
from .errors import HubError
from .licences import read_licences
from .model_card import model_card
from .models import push_student, push_teacher
from .plan import Push
from .spaces import push_metric, push_space
from .training_record import save_training_record, training_record

__all__ = [
    "Attribution",
    "HubError",
    "Push",
    "bitext_card",
    "model_card",
    "push_bitext",
    "push_collection",
    "push_metric",
    "push_space",
    "push_student",
    "push_teacher",
    "read_licences",
    "save_training_record",
    "training_record",
]
