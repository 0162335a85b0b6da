"""What a service's routes say of themselves, as OpenAPI 3.1: read from the handlers, their policies and their types.

Schemas come from msgspec, which also decodes the bodies: what the document allows is what is accepted. Prevents: a
document that says less than the code checks, and one that promises what it does not keep.
"""

from estore.kit.http.documenting.components import HEADERS, problem_answers
from estore.kit.http.documenting.operations import operations
from estore.kit.http.documenting.schemas import Types

__all__ = ["HEADERS", "Types", "operations", "problem_answers"]
