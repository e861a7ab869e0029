package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"signalbox/internal/config"
	"signalbox/internal/device"
	"signalbox/workers"
)

const workerFlag = "worker"

// workerSpec is what the workers need to know.
type workerSpec struct {
	Address, LockDir string
	Config           config.Config
	Roles            []workers.Role
	// card measures a simulated card; nil for none.
	card device.Card
}

// runWorkers takes every role on until ctx ends.
func runWorkers(ctx context.Context, s workerSpec, ready func()) error {
	c, err := dial(s.Address)
	if err != nil {
		return err
	}
	defer c.Close()
	p := &workers.Process{
		Client: c, Namespace: "default", Config: s.Config, Logger: slog.New(slog.DiscardHandler), LockDir: s.LockDir, LoadedAt: time.Now(), Card: s.card,
	}
	return p.Run(ctx, s.Roles, ready)
}

func inThisProcess(ctx context.Context, s workerSpec) (memory func() (int64, error), stop func(), err error) {
	work, cancel := context.WithCancel(ctx)
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- runWorkers(work, s, func() { close(ready) }) }()
	select {
	case <-ready:
		return nil, func() { cancel(); <-ended }, nil
	case err := <-ended:
		cancel()
		return nil, nil, fmt.Errorf("the workers ended: %w", err)
	}
}

// inOwnProcess runs this program again as the workers, as in production: what they
// use of memory is theirs alone.
func inOwnProcess(ctx context.Context, s workerSpec) (memory func() (int64, error), stop func(), err error) {
	spec, err := json.Marshal(s)
	if err != nil {
		return nil, nil, err
	}
	program, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	child := exec.CommandContext(ctx, program, "-"+workerFlag, string(spec))
	child.Stderr = os.Stderr
	said, err := child.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := child.Start(); err != nil {
		return nil, nil, err
	}
	end := func() {
		_ = child.Process.Signal(syscall.SIGTERM)
		_ = child.Wait()
	}
	if !bufio.NewScanner(said).Scan() {
		end()
		return nil, nil, errors.New("the workers ended before they were ready")
	}
	watch, cancel := context.WithCancel(ctx)
	return watchMemory(watch, child.Process.Pid), func() { cancel(); end() }, nil
}

// beWorkers is what that process does.
func beWorkers(ctx context.Context, spec string) error {
	var s workerSpec
	if err := json.Unmarshal([]byte(spec), &s); err != nil {
		return err
	}
	return runWorkers(ctx, s, func() { fmt.Println("ready") })
}

// memoryEvery is how often the workers' memory is looked at.
const memoryEvery = 200 * time.Millisecond

// watchMemory returns the largest memory that a process has had of its own: the
// pages of the program's file, shared and given back at will, are not counted.
func watchMemory(ctx context.Context, pid int) func() (int64, error) {
	var mu sync.Mutex
	var most int64
	var failed error
	go func() {
		for pauseFor(ctx, memoryEvery) == nil {
			now, err := ownMemory(pid)
			mu.Lock()
			most, failed = max(most, now), err
			mu.Unlock()
		}
	}()
	return func() (int64, error) {
		mu.Lock()
		defer mu.Unlock()
		return most, failed
	}
}

func ownMemory(pid int) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	_, after, found := bytes.Cut(status, []byte("RssAnon:"))
	var kilobytes int64
	if _, err := fmt.Sscan(string(after), &kilobytes); err != nil || !found {
		return 0, errors.New("the system does not say what a process uses")
	}
	return kilobytes << 10, nil
}
