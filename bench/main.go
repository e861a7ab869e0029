// Command bench measures Signalbox on this machine: an embedded Temporal server
// on disk, the workers of production, and a model server that answers at once or
// takes as long as it is told to, so that what is left is Signalbox's own time. No
// real model and no real card take part.
//
//	go run ./bench                              everything, about 40 minutes
//	go run ./bench -n 50 -documents 2000 -only realtime,batch
//	go run ./bench -only preemption -span 26m   200 preemptions of each kind
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// options are what the command line says.
type options struct {
	requests  int
	documents int
	jobs      int
	rfas      int
	span      time.Duration
}

// sections measure, each on a Signalbox of its own.
var sections = []struct {
	name string
	run  func(context.Context, options, *table) error
}{
	{"bare", bare},
	{"realtime", realtime},
	{"batch", batch},
	{"jobs", jobs},
	{"stages", stages},
	{"memory", memory},
	{"faults", faults},
	{"rfa", rfa},
	{"crowd", crowd},
	{"preemption", preemption},
}

func main() {
	var o options
	var only, worker string
	flag.IntVar(&o.requests, "n", 200, "requests that each figure of the section realtime is taken of")
	flag.IntVar(&o.documents, "documents", 20_000, "documents of the section batch")
	flag.IntVar(&o.jobs, "jobs", 2000, "jobs of the section jobs, of one document each")
	flag.IntVar(&o.rfas, "rfas", 1000, "RFAs of the section crowd, of which everybody is reminded at once")
	flag.DurationVar(&o.span, "span", 5*time.Minute, "how long the section preemption lasts")
	flag.StringVar(&only, "only", "", "sections, separated by commas: "+names()+"; all unless given")
	flag.StringVar(&worker, workerFlag, "", "for itself: be the workers, as this says")
	flag.Parse()
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	var err error
	if worker != "" {
		err = beWorkers(ctx, worker)
	} else {
		err = run(ctx, o, only)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func names() string {
	all := make([]string, 0, len(sections))
	for _, s := range sections {
		all = append(all, s.name)
	}
	return strings.Join(all, ", ")
}

func run(ctx context.Context, o options, only string) error {
	var wanted []string
	if only != "" {
		wanted = strings.Split(only, ",")
	}
	for _, name := range wanted {
		if !slices.Contains(strings.Split(names(), ", "), name) {
			return fmt.Errorf("-only: section %q is unknown; there are %s", name, names())
		}
	}
	if o.requests < 1 || o.documents < 2 || o.jobs < 2 || o.rfas < 1 || o.span < time.Minute {
		return errors.New("-n and -rfas are at least 1, -documents and -jobs 2, -span 1m")
	}
	fmt.Printf("%d CPUs, %s, SQLite on disk; the model server and the card are simulated\n", runtime.NumCPU(), runtime.Version())
	for _, s := range sections {
		if len(wanted) > 0 && !slices.Contains(wanted, s.name) {
			continue
		}
		began := time.Now()
		t := &table{}
		if err := s.run(ctx, o, t); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		fmt.Printf("\n%s (%s)\n", s.name, time.Since(began).Round(time.Second))
		if err := t.print(os.Stdout); err != nil {
			return err
		}
	}
	return nil
}
