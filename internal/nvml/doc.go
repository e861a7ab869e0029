// Package nvml measures the NVIDIA card of this host through NVIDIA's own
// library, NVML, or where this build cannot use it through nvidia-smi. What cannot
// be measured is an error or a reason in plain words, never a guess.
package nvml

import "errors"

// Reading is what was measured of the card. What a card or its driver does not say
// has the value that is named with each field; only the memory is always there.
type Reading struct {
	// Name of the card, UUID and the driver's version; empty where not known.
	Name, UUID, Driver string
	// Total, Used and Free memory in bytes.
	Total, Used, Free int64
	// Celsius is the card's temperature, and SlowdownAt the one at which it slows
	// itself down; 0 where not known.
	Celsius, SlowdownAt int
	// Watts that it draws, and may; 0 where not known.
	Watts, WattsLimit float64
	// Busy is the part of the last moments in which it worked, in percent; -1 where
	// not known.
	Busy int
	// Throttled says why the card slows itself down, in words; a card that is idle or
	// at its power limit is not among them.
	Throttled []string
	// Processes on the card. Where they cannot be named, NoProcesses says why.
	Processes   []Process
	NoProcesses string
}

// Process is a program that has memory on the card.
type Process struct {
	PID int
	// Name of its program, empty where not known.
	Name string
	// Bytes on the card; -1 where the driver does not tell them.
	Bytes int64
}

// Xid is an error that the driver has reported of the card.
type Xid struct {
	// Number as in NVIDIA's list (https://docs.nvidia.com/deploy/xid-errors/).
	Number uint64
	// Program is that a program caused it, and the card itself is well.
	Program bool
}

// programs are the errors that a program causes: it ends, and the card goes on.
var programs = map[uint64]bool{
	13: true, // graphics engine exception
	31: true, // memory page fault
	43: true, // the program's channel was stopped
	45: true, // its cleanup, as after a kill
	68: true, // video processor exception
	69: true, // graphics engine class error
}

func newXid(number uint64) Xid { return Xid{Number: number, Program: programs[number]} }

// Errors of Measure. Others pass on NVML's own words.
var (
	// ErrNoBuild: this program was built without cgo, or not for Linux, and there is
	// no nvidia-smi either.
	ErrNoBuild = errors.New("this build of Signalbox has no NVML (it needs Linux and cgo), and there is no nvidia-smi on this host")
	// ErrNoLibrary: there is no NVIDIA driver, or it does not reach into this
	// container.
	ErrNoLibrary = errors.New("no NVIDIA driver on this host (libnvidia-ml.so.1 is missing)")
	// ErrNoDriver: the library is there and the driver is not loaded.
	ErrNoDriver = errors.New("the NVIDIA driver is not loaded")
	// ErrNoCard: the driver sees no card.
	ErrNoCard = errors.New("the NVIDIA driver sees no card")
	// ErrSeveral: it cannot be told which card the model server uses.
	ErrSeveral = errors.New("this host has several NVIDIA cards, and which one Ollama uses is not known; hide the others from this process, or set ollama.card to none")
	// ErrLost: the card has stopped answering.
	ErrLost = errors.New("the card is lost: it no longer answers its driver")
	// ErrReset: the card works again only after a reset.
	ErrReset = errors.New("the card needs a reset (nvidia-smi --gpu-reset, or a reboot)")
)

// Why processes cannot be named or measured.
const (
	whyUnsupported = "the driver does not list the processes on this card (as under WSL2)"
	whyNoBytes     = "the driver does not tell what each process uses (as on a Windows desktop)"
	whyHidden      = "this program may not see the processes on the card"
)
