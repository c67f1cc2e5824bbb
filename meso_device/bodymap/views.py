"""Which area of the catalogue is in which view, and under which letter of its mask. One table; tests walk it."""

from collections.abc import Mapping
from typing import Final

VIEWS: Final[Mapping[str, Mapping[str, str]]] = {
    "front": {
        "a": "neck_front",
        "b": "decollete",
        "c": "shoulder_left",
        "d": "shoulder_right",
        "e": "underarm_left",
        "f": "underarm_right",
        "g": "abdomen",
        "h": "abdomen_pain",
        "i": "hip_left",
        "j": "hip_right",
        "k": "thigh_front_left",
        "l": "thigh_front_right",
        "m": "knee_left",
        "n": "knee_right",
        "o": "palm_left",
        "p": "palm_right",
    },
    "back": {
        "a": "neck_back",
        "b": "upper_back",
        "c": "lower_back",
        "d": "elbow_left",
        "e": "elbow_right",
        "f": "hand_dorsum_left",
        "g": "hand_dorsum_right",
        "h": "buttock_left",
        "i": "buttock_right",
        "j": "thigh_back_left",
        "k": "thigh_back_right",
        "l": "ankle_left",
        "m": "ankle_right",
    },
    "scalp": {
        "a": "scalp_front",
        "b": "scalp_vertex",
        "c": "scalp_occipital",
        "d": "scalp_temporal_left",
        "e": "scalp_temporal_right",
    },
    "face": {
        "a": "forehead",
        "b": "glabella",
        "c": "temple_left",
        "d": "temple_right",
        "e": "eyelid_left",
        "f": "eyelid_right",
        "g": "nose",
        "h": "cheek_left",
        "i": "cheek_right",
        "j": "submandibular_left",
        "k": "submandibular_right",
        "l": "face_whole",
        "m": "eye_zone",
    },
}
PIECES: Final[Mapping[str, int]] = {"eye_zone": 2}
"""Areas that are not in one piece: nothing may be injected into either eye, and both are one area."""
VIEW_OF: Final[Mapping[str, str]] = {area: view for view, areas in VIEWS.items() for area in areas.values()}
