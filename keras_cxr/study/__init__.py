"""The study's experiments A to E, run from a table, and the report beside the study's figures."""

from keras_cxr.study.experiments import EXPERIMENTS, Experiment
from keras_cxr.study.run import StudyResult, run_study

__all__ = ["EXPERIMENTS", "Experiment", "StudyResult", "run_study"]
