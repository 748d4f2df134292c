"""What an analysis module is."""

from typing import Annotated

import numpy as np
import pytest
from pydantic import Field

from playNano.analysis import BUILTIN_ANALYSIS_MODULES
from playNano.analysis.base import AnalysisModule, AnalysisOutputs, checked_run
from playNano.errors import ParameterError


class Highest(AnalysisModule):
    """A module as a plugin would write it."""

    name = "highest"

    @checked_run
    def run(self, stack, previous_results=None, *, scale: Annotated[float, Field(gt=0)] = 1.0):
        return {"highest": stack.data.max(axis=(1, 2)) * scale}


def test_a_module_needs_a_name_and_a_run():
    with pytest.raises(TypeError, match="abstract"):
        AnalysisModule()

    class Nameless(AnalysisModule):
        def run(self, stack, previous_results=None, **params):
            return {}

    with pytest.raises(TypeError, match="name"):
        Nameless()


def test_the_name_may_be_a_property():
    class Named(AnalysisModule):
        @property
        def name(self):
            return "named"

        def run(self, stack, previous_results=None, **params):
            return params

    module = Named()
    assert module.name == "named"
    assert module.bind({"anything": "1e-3"}) == {"anything": "1e-3"}
    assert module.version is None
    assert module.kind == "analysis"
    assert module.requires == ()
    assert module.resolve_defaults({"anything": 1}, {}) == {"anything": 1}


def test_bind_checks_by_the_signature_of_run():
    module = Highest()
    assert module.bind({}) == {"scale": 1.0}
    assert module.bind({"scale": "1e-3"}) == {"scale": 0.001}
    with pytest.raises(ParameterError, match="highest: unknown parameter 'scal'; did you mean 'scale'"):
        module.bind({"scal": 2})
    with pytest.raises(ParameterError, match=r"step 4: parameter 'scale' must be float > 0"):
        module.bind({"scale": 0}, "step 4")


@pytest.mark.parametrize("name", ["stack", "previous_results", "self"])
def test_leading_arguments_are_no_parameters(name):
    with pytest.raises(ParameterError, match="unknown parameter"):
        Highest().bind({name: 1})


def test_run_checks_however_it_is_called(make_stack):
    stack = make_stack(np.ones((2, 3, 3)))
    module = Highest()
    assert module.run(stack)["highest"].tolist() == [1, 1]
    assert module.run(stack, {}, scale="2")["highest"].tolist() == [2, 2]
    assert module.run(stack, previous_results=None, scale=3)["highest"].tolist() == [3, 3]
    with pytest.raises(ParameterError, match="did you mean 'scale'"):
        module.run(stack, scal=2)


def test_outputs_are_dicts():
    assert AnalysisOutputs == dict[str, object] or AnalysisOutputs.__origin__ is dict


def test_the_builtin_modules():
    names = (
        "count_nonzero feature_detection log_blob_detection particle_tracking k_means_clustering "
        "x_means_clustering dbscan_clustering"
    )
    assert set(names.split()) <= set(BUILTIN_ANALYSIS_MODULES)
    for name, module in BUILTIN_ANALYSIS_MODULES.items():
        assert issubclass(module, AnalysisModule)
        assert module().name == name
        assert module.version
