package contract

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// SuggestFields are the document fields that suggest and extract-metadata know.
func SuggestFields() []string {
	return []string{
		"title", "documentNumber", "revision", "documentType", "discipline",
		"issueDate", "originator", "language",
	}
}

// validateFields checks fields and choices, and fills fields in.
func validateFields(prefix string, fields *[]string, choices map[string][]string) error {
	if len(*fields) == 0 {
		*fields = SuggestFields()
	}
	seen := map[string]bool{}
	for i, f := range *fields {
		at := fmt.Sprintf("%sfields[%d]", prefix, i)
		if err := oneOf(at, f, SuggestFields()); err != nil {
			return err
		}
		if seen[f] {
			return fieldErr(at, "%q stands twice", f)
		}
		seen[f] = true
	}
	for _, f := range slices.Sorted(maps.Keys(choices)) {
		list := choices[f]
		at := prefix + "choices." + f
		if !seen[f] {
			return fieldErr(at, "%q is none of the fields asked for", f)
		}
		if len(list) == 0 {
			return fieldErr(at, "is empty; give at least one choice")
		}
		for i, c := range list {
			if strings.TrimSpace(c) == "" {
				return fieldErr(fmt.Sprintf("%s[%d]", at, i), "is empty")
			}
		}
	}
	return nil
}

// SuggestOutput is the output of task suggest and of stage extract-metadata.
type SuggestOutput struct {
	Fields map[string]Suggestion `json:"fields"`
}

// Suggestion is one proposed field.
type Suggestion struct {
	// Value is empty when the document does not say.
	Value string `json:"value"`
	// Confidence is the model's own, from 0 to 1.
	Confidence float64 `json:"confidence"`
	// Band is high from 0.85, review from 0.60, low below.
	Band string `json:"band"`
	// Evidence is a short quote that stands in the text, or empty.
	Evidence string `json:"evidence,omitempty"`
	// Flags name what was wrong with the model's answer for this field.
	Flags []string `json:"flags,omitempty"`
}

// Bands of confidence and where they begin; the thresholds are those of the
// document system that the project was specified for.
const (
	BandHigh   = "high"
	BandReview = "review"
	BandLow    = "low"

	BandHighFrom   = 0.85
	BandReviewFrom = 0.60
)

// Band returns the band of a confidence.
func Band(confidence float64) string {
	switch {
	case confidence >= BandHighFrom:
		return BandHigh
	case confidence >= BandReviewFrom:
		return BandReview
	}
	return BandLow
}

// Flags of a suggestion.
const (
	// FlagEvidenceNotFound: the quote was not in the text and was dropped.
	FlagEvidenceNotFound = "evidence-not-found"
	// FlagNotInChoices: the value was none of the choices and was dropped.
	FlagNotInChoices = "not-in-choices"
)
