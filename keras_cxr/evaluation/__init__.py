"""What a model answers, and how far to believe it: metrics, intervals, tables and plots.

Each public name is imported when it is first used: statistics need no Keras.
"""

from typing import TYPE_CHECKING

from keras_cxr._support.lazy import lazy_names

if TYPE_CHECKING:
    from keras_cxr.evaluation.calibrated import calibrated_model
    from keras_cxr.evaluation.corruptions import CORRUPTIONS, Corruption
    from keras_cxr.evaluation.evaluation import evaluate
    from keras_cxr.evaluation.ood import OutOfDistribution
    from keras_cxr.evaluation.plots import (
        plot_confusion_matrix,
        plot_history,
        plot_predictions,
        plot_reliability,
        plot_risk_coverage,
    )
    from keras_cxr.evaluation.result import Evaluation
    from keras_cxr.evaluation.shift import Shift, measure_shift
    from keras_cxr.statistics.calibration.measure import Calibration, measure_calibration
    from keras_cxr.statistics.calibration.scaling import Scaling, fit_scaling
    from keras_cxr.statistics.calibration.temperature import apply_temperature, fit_temperature
    from keras_cxr.statistics.comparison import Comparison, Difference, compare_models
    from keras_cxr.statistics.conformal import ConformalSets
    from keras_cxr.statistics.findings.comparison import AucDifference, compare_findings
    from keras_cxr.statistics.findings.metrics import FindingMetrics, measure_findings
    from keras_cxr.statistics.findings.operating_points import choose_operating_points
    from keras_cxr.statistics.intervals.bootstrap import bootstrap_intervals
    from keras_cxr.statistics.intervals.estimates import Estimate
    from keras_cxr.statistics.intervals.scores import BootstrapIntervals
    from keras_cxr.statistics.metrics import Metrics, compute_metrics
    from keras_cxr.statistics.selective import Selection, choose_threshold, measure_selection
    from keras_cxr.statistics.set_coverage import SetCoverage
    from keras_cxr.statistics.subgroups import Subgroups, measure_subgroups
else:
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "keras_cxr.evaluation.calibrated": ("calibrated_model",),
            "keras_cxr.evaluation.corruptions": ("CORRUPTIONS", "Corruption"),
            "keras_cxr.evaluation.evaluation": ("evaluate",),
            "keras_cxr.evaluation.ood": ("OutOfDistribution",),
            "keras_cxr.evaluation.plots": (
                "plot_confusion_matrix",
                "plot_history",
                "plot_predictions",
                "plot_reliability",
                "plot_risk_coverage",
            ),
            "keras_cxr.evaluation.result": ("Evaluation",),
            "keras_cxr.evaluation.shift": ("Shift", "measure_shift"),
            "keras_cxr.statistics.calibration.measure": ("Calibration", "measure_calibration"),
            "keras_cxr.statistics.calibration.scaling": ("Scaling", "fit_scaling"),
            "keras_cxr.statistics.calibration.temperature": (
                "apply_temperature",
                "fit_temperature",
            ),
            "keras_cxr.statistics.comparison": ("Comparison", "Difference", "compare_models"),
            "keras_cxr.statistics.conformal": ("ConformalSets",),
            "keras_cxr.statistics.findings.comparison": ("AucDifference", "compare_findings"),
            "keras_cxr.statistics.findings.metrics": ("FindingMetrics", "measure_findings"),
            "keras_cxr.statistics.findings.operating_points": ("choose_operating_points",),
            "keras_cxr.statistics.intervals.bootstrap": ("bootstrap_intervals",),
            "keras_cxr.statistics.intervals.estimates": ("Estimate",),
            "keras_cxr.statistics.intervals.scores": ("BootstrapIntervals",),
            "keras_cxr.statistics.metrics": ("Metrics", "compute_metrics"),
            "keras_cxr.statistics.set_coverage": ("SetCoverage",),
            "keras_cxr.statistics.selective": (
                "Selection",
                "choose_threshold",
                "measure_selection",
            ),
            "keras_cxr.statistics.subgroups": ("Subgroups", "measure_subgroups"),
        },
    )

__all__ = [
    "CORRUPTIONS",
    "AucDifference",
    "BootstrapIntervals",
    "Calibration",
    "Comparison",
    "ConformalSets",
    "Corruption",
    "Difference",
    "Estimate",
    "Evaluation",
    "FindingMetrics",
    "Metrics",
    "OutOfDistribution",
    "Scaling",
    "Selection",
    "SetCoverage",
    "Shift",
    "Subgroups",
    "apply_temperature",
    "bootstrap_intervals",
    "calibrated_model",
    "choose_operating_points",
    "choose_threshold",
    "compare_findings",
    "compare_models",
    "compute_metrics",
    "evaluate",
    "fit_scaling",
    "fit_temperature",
    "measure_calibration",
    "measure_findings",
    "measure_selection",
    "measure_shift",
    "measure_subgroups",
    "plot_confusion_matrix",
    "plot_history",
    "plot_predictions",
    "plot_reliability",
    "plot_risk_coverage",
]
