"""Pictures: learning curves, filters, sheets of predictions, thumbnails, and what an image's score hangs on."""
from importlib import import_module
from typing import Any

MODULES = {  # where each public name is; modules that need matplotlib are loaded when a name is asked for
    "Picture": "pictures", "confusion_matrix": "confusion", "filter_grid": "pictures",
    "first_layer_filters": "pictures", "learning_curve": "pictures", "occlusion": "attribution",
    "patch_sheet": "patches", "prediction_sheet": "pictures", "receptive_field": "patches",
    "saliency": "attribution", "speed_ladder": "pictures", "strongest_patches": "patches",
}
__all__ = list(MODULES)


def __getattr__(name: str) -> Any:
    if name not in MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{MODULES[name]}"), name)
