"""Save a joblib model as an MLflow model with a tensor signature; run inside MLflow's environment."""

import sys

import joblib
import mlflow.sklearn
import numpy as np
from mlflow.models.signature import ModelSignature
from mlflow.types.schema import Schema, TensorSpec

model = joblib.load(sys.argv[1])
signature = ModelSignature(
    inputs=Schema([TensorSpec(np.dtype("float64"), (-1, 20))]),
    outputs=Schema([TensorSpec(np.dtype("float64"), (-1, 2))]),
)
mlflow.sklearn.save_model(
    model,
    sys.argv[2],
    signature=signature,
    serialization_format="cloudpickle",
    pip_requirements=["scikit-learn"],
    pyfunc_predict_fn="predict_proba",
)
