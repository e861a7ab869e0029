package contract

import "slices"

// Response codes whose meaning decides what happens.
const (
	CodeApproved      = "1A"
	CodeRejected      = "3"
	CodeNotApplicable = "4"
)

// codeMeanings say what each response code means.
var codeMeanings = map[string]string{
	"1A": "approved", "1B": "approved with comments", "1C": "approved, contract or change order affected",
	"1D": "approved as an alternative", "1E": "approved for design only", "1F": "approved for reference",
	"1G": "approved with ESG conditions", "2": "approved as noted", "3": "rejected", "4": "not applicable",
}

// ResponseCodes lists the response codes.
func ResponseCodes() []string {
	return []string{"1A", "1B", "1C", "1D", "1E", "1F", "1G", "2", "3", "4"}
}

// CodeMeaning says what a response code means.
func CodeMeaning(code string) string { return codeMeanings[code] }

// Approves reports whether a response code approves.
func Approves(code string) bool {
	return slices.Contains(ResponseCodes(), code) && code != CodeRejected && code != CodeNotApplicable
}

// Categories lists the categories of RFAs.
func Categories() []string { return []string{"ENGINEERING", "MATERIAL", "CONTRACT", "TESTING", "ESG"} }
