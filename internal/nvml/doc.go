// Package nvml measures the NVIDIA card of this host through NVIDIA's own
// library, NVML. What cannot be measured is an error in plain words, never a
// guess.
package nvml

import "errors"

// Reading is what was measured of the card, in bytes.
type Reading struct {
	Name              string
	Total, Used, Free int64
}

// Errors of Measure. Others pass on NVML's own words.
var (
	// ErrNoBuild: this program was built without cgo, or not for Linux.
	ErrNoBuild = errors.New("this build of Signalbox cannot measure a card (NVML needs Linux and cgo)")
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
