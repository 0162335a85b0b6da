"""What search refuses."""

from __future__ import annotations

from estore.kit.errors import Conflict, Invalid, Malformed, NotFound, PreconditionFailed, Transient


class IndexMissing(Transient):
    code, title = "search.index_missing", "The index is being made; try again"


class Busy(Transient):
    code, title = "search.busy", "Too many searches at once; try again"


class FilterInvalid(Malformed):
    code, title = "search.filter_invalid", "A filter cannot be read"


class ProductUnknown(NotFound):
    code, title = "search.product_unknown", "There is no such product"


class RuleUnknown(NotFound):
    code, title = "search.rule_unknown", "There is no such rule"


class RuleExists(Conflict):
    code, title = "search.rule_exists", "This product has a rule for this query already"


class RuleInvalid(Invalid):
    code, title = "search.rule_invalid", "This rule would do nothing"


class WordsInvalid(Invalid):
    code, title = "search.words_invalid", "These words cannot be used"


class VersionChanged(PreconditionFailed):
    code, title = "search.version_changed", "The words have changed since you read them"
