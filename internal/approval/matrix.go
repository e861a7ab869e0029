package approval

import (
	"fmt"
	"slices"
	"strings"

	"signalbox/workflows/contract"
)

// Recipients are those who receive a document with a decision: those of the matrix'
// rows that match, those of the project before those of no project, and more. A
// rejected document goes to its submitter alone. Each address is there once.
func Recipients(matrix []contract.MatrixRow, in contract.RFAInput, code string, more []contract.Person) []contract.Person {
	if code == contract.CodeRejected {
		return []contract.Person{in.Submitter}
	}
	of := func(project string) (list []contract.Person) {
		for _, row := range matrix {
			if row.ProjectID == project && matches(row.Codes, code) && matches(row.DocumentTypes, in.DocumentType) {
				list = append(list, row.Recipients...)
			}
		}
		return list
	}
	list := of(in.ProjectID)
	if len(list) == 0 {
		list = of("")
	}
	return Once(append(list, more...))
}

// matches reports whether a condition holds; an empty one does.
func matches(condition []string, value string) bool {
	return len(condition) == 0 || slices.Contains(condition, value)
}

// Once is a list of people with each address once, whatever its case.
func Once(people []contract.Person) []contract.Person {
	list := []contract.Person{}
	seen := map[string]bool{}
	for _, p := range people {
		if key := strings.ToLower(p.Email) + " " + p.Webhook; !seen[key] {
			seen[key] = true
			list = append(list, p)
		}
	}
	return list
}

// Transmittal is the number of a revision's n-th transmittal, where the backend has
// none of its own.
func Transmittal(number, revision string, n int) string {
	return fmt.Sprintf("%s-%s-T%02d", number, revision, n)
}
