package realollama

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// Runners are the processes that hold the loaded models: the server's children.
func (s *Server) Runners() (pids []int) {
	pid := s.cmd.Process.Pid
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return nil
	}
	for _, task := range tasks {
		children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", pid, task.Name()))
		if err != nil {
			continue
		}
		for _, child := range strings.Fields(string(children)) {
			if n, err := strconv.Atoi(child); err == nil {
				pids = append(pids, n)
			}
		}
	}
	return pids
}

// SignalRunners sends a signal to every runner and returns how many there were.
func (s *Server) SignalRunners(signal syscall.Signal) int {
	pids := s.Runners()
	for _, pid := range pids {
		_ = syscall.Kill(pid, signal) // it may have ended
	}
	return len(pids)
}

// Unlimited is no limit for LimitFiles.
const Unlimited = "unlimited"

// LimitFiles bounds the size of the files that the server may write, such as "0": its
// model folder has no room for more. It uses prlimit of util-linux.
func (s *Server) LimitFiles(ctx context.Context, size string) error {
	out, err := exec.CommandContext(ctx, "prlimit", "--pid", strconv.Itoa(s.cmd.Process.Pid), "--fsize="+size+":"+Unlimited).CombinedOutput()
	if err != nil {
		return fmt.Errorf("prlimit: %w: %s", err, out)
	}
	return nil
}
