"""The names of all files that a person finds in a folder of results, each written here once."""

# Of a training run (`train(run_dir=...)`); `run.json` is written last.
RUN_RECORD_FILE = "run.json"
BEST_MODEL_FILE = "best.keras"
LAST_MODEL_FILE = "last.keras"
CHECKPOINT_FOLDER = "checkpoint"
LOCK_FILE = ".lock"
UNUSUAL_FILE = "unusual.npz"

# Of one model on one folder (`keras-cxr train`), or of one experiment of the study; the result is
# written last.
RUN_FOLDER = "run"
SPLIT_FILE = "split.csv"
PREDICTIONS_FILE = "predictions.csv"
RESULT_FILE = "result.json"
RUN_PICTURES = {
    "curves": "curves.png",
    "confusion_matrix": "confusion_matrix.png",
    "predictions": "predictions.png",
    "gradcam_answers": "gradcam_answers.png",
    "gradcam_average": "gradcam_average.png",
}
LESIONS_PICTURE = "gradcam_lesions.png"  # of the demo alone

# Of a preset; `preset.json` is written last.
PRESET_FILE = "preset.json"
PRESET_WEIGHTS_FILE = "model.weights.h5"
PRESET_CARD_FILE = "README.md"  # where the hub looks for it

# Of `keras-cxr evaluate`, beside predictions and the confusion matrix.
EVALUATION_FILE = "evaluation.json"

# Of a study.
STUDY_TABLE_FILE = "results.csv"
STUDY_RESULTS_FILE = "results.json"
REPORT_FILE = "report.html"

# Of an audit of data.
ACTIONS_FILE = "actions.csv"
DATA_AUDIT_PAGE = "audit.html"
DATA_AUDIT_FILE = "audit.json"

# Of an audit of a model.
MODEL_AUDIT_PAGE = "trust.html"
MODEL_AUDIT_FILE = "model_audit.json"
MODEL_CARD_FILE = "model_card.md"
MODEL_CARD_DOCUMENT = "model_card.json"
CALIBRATED_MODEL_FILE = "calibrated.keras"
PREDICTION_SETS_FILE = "prediction_sets.json"

# Of heat maps.
HEATMAPS_TABLE_FILE = "heatmaps.csv"
GALLERY_FILE = "index.html"
FAITHFULNESS_FILE = "faithfulness.json"
FAITHFULNESS_CURVES = "faithfulness.png"

# Of lung masks (`keras-cxr segment`), beside the folders of masks.
SEGMENTATION_TABLE_FILE = "segmentation.csv"

# Of an export, beside the model in its format; written last.
EXPORT_FILE = "export.json"

# Of a classifier in another runtime, in the cache; written last.
COMPILED_FILE = "compiled.json"

# Beside phantoms.
PHANTOMS_FILE = "phantoms.json"
