// Command bench measures Signalbox on this machine: an embedded Temporal server
// on disk, the workers of production, and a model server that answers at once,
// so that what is left is Signalbox's own time.
//
//	go run ./bench            everything, n = 200
//	go run ./bench -n 50      faster
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime"
	"text/tabwriter"
	"time"
)

func main() {
	n := flag.Int("n", 200, "how many requests each figure is taken of")
	documents := flag.Int("documents", 1000, "how many documents the batch figures are taken of")
	flag.Parse()
	if err := run(*n, *documents); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(n, documents int) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
	defer cancel()
	b, err := start(ctx)
	if err != nil {
		return err
	}
	defer b.stop()
	fmt.Printf("%d CPUs, %s; the model server answers at once: it is no real one\n\n", runtime.NumCPU(), runtime.Version())
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "ms\tp50\tp90\tp99\tmax\tn\t")
	fmt.Fprintf(w, "start to ready\t%.0f\t\t\t\t1\t\n", ms(b.ready))
	for _, measure := range []func(context.Context, *bench, *tabwriter.Writer, int, int) error{idle, batch, preempting} {
		if err := measure(ctx, b, w, n, documents); err != nil {
			return err
		}
	}
	return w.Flush()
}
