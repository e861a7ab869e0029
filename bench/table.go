package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// table is what a section has measured, beside what is to be reached.
type table struct{ rows []string }

// goal is what a figure is to reach; 0 for nothing.
type goal struct{ p50, p99 float64 }

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// quantile of durations that are in order, in milliseconds.
func quantile(all []time.Duration, q float64) float64 {
	return ms(all[min(len(all)-1, int(q*float64(len(all))))])
}

// times adds a row of durations, in milliseconds.
func (t *table) times(name string, all []time.Duration, g goal) {
	if len(all) == 0 {
		t.add(name, "-", "-", "-", "-", 0, "")
		return
	}
	slices.Sort(all)
	at := func(q float64) float64 { return quantile(all, q) }
	var to []string
	for _, w := range []struct {
		name   string
		is, to float64
	}{{"p50", at(0.5), g.p50}, {"p99", at(0.99), g.p99}} {
		if w.to > 0 {
			to = append(to, fmt.Sprintf("%s ≤ %.4g%s", w.name, w.to, missed(w.is <= w.to)))
		}
	}
	show := func(v float64) string { return fmt.Sprintf("%.1f", v) }
	t.add(name, show(at(0.5)), show(at(0.9)), show(at(0.99)), show(ms(all[len(all)-1])), len(all), strings.Join(to, ", "))
}

// atMost adds a row of one number that is to be no larger.
func (t *table) atMost(name string, is, to float64, n int) { t.one(name, "≤", is, to, n, is <= to) }

// atLeast adds a row of one number that is to be no smaller.
func (t *table) atLeast(name string, is, to float64, n int) { t.one(name, "≥", is, to, n, is >= to) }

func (t *table) one(name, sign string, is, to float64, n int, ok bool) {
	want := ""
	if to > 0 {
		want = fmt.Sprintf("%s %g%s", sign, to, missed(ok))
	}
	t.add(name, fmt.Sprintf("%.4g", is), "", "", "", n, want)
}

func missed(ok bool) string {
	if ok {
		return ""
	}
	return " MISSED"
}

func (t *table) add(name, p50, p90, p99, most string, n int, to string) {
	t.rows = append(t.rows, fmt.Sprintf("%s\t%s\t%s\t%s\t%s\t%d\t%s", name, p50, p90, p99, most, n, to))
}

func (t *table) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\tp50\tp90\tp99\tmax\tn\tto reach")
	for _, r := range t.rows {
		fmt.Fprintln(w, r)
	}
	return w.Flush()
}
