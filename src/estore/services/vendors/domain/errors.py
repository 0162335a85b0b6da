"""What can be wrong, each with a stable code."""

from __future__ import annotations

from estore.kit.errors import Conflict, Denied, Invalid, NotFound

MAX_MEMBERS = 100
MAX_KEYS = 50
MAX_RATES = 500


class VendorNotFound(NotFound):
    code, title = "vendors.not_found", "There is no such vendor"


class MemberNotFound(NotFound):
    code, title = "vendors.member_not_found", "There is no such member"


class ApiKeyNotFound(NotFound):
    code, title = "vendors.api_key_not_found", "There is no such API key"


class StatusForbids(Conflict):
    code, title = "vendors.status_forbids", "The vendor's status does not allow this"


class ChecklistIncomplete(Conflict):
    code, title = "vendors.checklist_incomplete", "The application is not complete"


class NotSubmitted(Conflict):
    code, title = "vendors.not_submitted", "The applicant has not submitted the application for review"


class SlugTaken(Conflict):
    code, title = "vendors.slug_taken", "Another vendor has this slug"


class MemberExists(Conflict):
    code, title = "vendors.member_exists", "This is a member already"


class TooManyMembers(Conflict):
    code, title = "vendors.too_many_members", f"A vendor has {MAX_MEMBERS} members at most"


class TooManyApiKeys(Conflict):
    code, title = "vendors.too_many_api_keys", f"A vendor has {MAX_KEYS} API keys at most; revoke one first"


class TooManyRates(Conflict):
    code, title = "vendors.too_many_rates", f"A plan has {MAX_RATES} rates at most, past ones included"


class LastOwner(Conflict):
    code, title = "vendors.last_owner", "A vendor keeps at least one owner"


class OwnersOnly(Denied):
    code, title = "vendors.owners_only", "Only an owner of this vendor may do this"


class FinanceOnly(Denied):
    code, title = "vendors.finance_only", "Only owners and finance see the commission plan"


class PeopleOnly(Denied):
    code, title = "vendors.people_only", "An API key may not see this"


class EmailUnproved(Denied):
    code, title = "vendors.email_unproved", "Confirm your e-mail address first"


class EmailInvalid(Invalid):
    code, title = "vendors.email_invalid", "This is not an e-mail address"


class TaxIdInvalid(Invalid):
    code, title = "vendors.tax_id_invalid", "This is no tax id of the vendor's country"


class TermsUnknown(Invalid):
    code, title = "vendors.terms_unknown", "These are not the current terms"


class RateBegun(Invalid):
    code, title = "vendors.rate_begun", "This rate applies already and stays as it is"


class RateInPast(Invalid):
    code, title = "vendors.rate_in_past", "A new rate begins now or later"


class RateTooFar(Invalid):
    code, title = "vendors.rate_too_far", "A rate begins within ten years"


class RateTwice(Invalid):
    code, title = "vendors.rate_twice", "Two rates for one category begin at the same moment"


class RateMissing(Invalid):
    code, title = "vendors.rate_missing", "A plan needs a rate for everything, from now on at the latest"


class CurrencyWrong(Invalid):
    code, title = "vendors.currency_wrong", "This is not the marketplace's currency"


class ExpiryInvalid(Invalid):
    code, title = "vendors.api_key_expiry_invalid", "A key expires in the future, within ten years"
