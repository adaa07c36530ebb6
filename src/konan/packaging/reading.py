"""What the file of a model shows when it is read without loading it."""

import msgspec


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What a model's file shows when it is read.

    Attributes:
        format: ``joblib``, ``cloudpickle``, ``pickle``, ``skops`` or ``python``.
        compression: what the file is compressed with, as ``zlib``; empty when it is not.
        modules: full names of the modules that it names, sorted.
        words: what tells how the model wants its input: ``feature_names_in_`` and ``ColumnTransformer``
            of a fitted model, ``frame`` of a Python class.
        sklearn: the version of scikit-learn that the estimator was fitted with, or empty.
        complete: false when the file could be followed only part of the way.
    """

    format: str
    compression: str = ""
    modules: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    sklearn: str = ""
    complete: bool = True

    @property
    def roots(self) -> tuple[str, ...]:
        """The first parts of the modules' names, sorted, each once.

        >>> Reading(format="pickle", modules=("sklearn.svm", "sklearn.tree")).roots
        ('sklearn',)
        """
        return tuple(sorted({name.partition(".")[0] for name in self.modules}))
