package realollama

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
)

// Types of values and tensors in a GGUF file, version 3
// (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md).
const (
	ggufVersion = 3
	alignment   = 32

	valueUint32  = 4
	valueInt32   = 5
	valueFloat32 = 6
	valueBool    = 7
	valueString  = 8
	valueArray   = 9

	tensorF32 = 0
	tensorF16 = 1
)

// gguf is a model file in the making.
type gguf struct {
	keys    []keyValue
	tensors []tensor
}

type keyValue struct {
	key   string
	value any
}

// tensor holds its values with the contiguous dimension first.
type tensor struct {
	name string
	dims []int
	kind uint32
	data []float32
}

func (g *gguf) set(key string, value any) { g.keys = append(g.keys, keyValue{key, value}) }

func (g *gguf) add(name string, kind uint32, data []float32, dims ...int) {
	g.tensors = append(g.tensors, tensor{name: name, dims: dims, kind: kind, data: data})
}

func (t tensor) bytes() int {
	if t.kind == tensorF16 {
		return 2 * len(t.data)
	}
	return 4 * len(t.data)
}

func padded(n int) int { return (n + alignment - 1) / alignment * alignment }

// writer writes little-endian values and keeps the first error.
type writer struct {
	w   *bufio.Writer
	n   int
	err error
}

func (w *writer) put(v any) {
	if w.err == nil {
		w.err = binary.Write(w.w, binary.LittleEndian, v)
		w.n += binary.Size(v)
	}
}

func (w *writer) text(s string) {
	w.put(uint64(len(s)))
	w.put([]byte(s))
}

func (w *writer) pad() { w.put(make([]byte, padded(w.n)-w.n)) }

// writeFile writes the model file.
func (g *gguf) writeFile(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := g.write(f); err != nil {
		_ = f.Close()
		return fmt.Errorf("write %s: %w", path, err)
	}
	return f.Close()
}

func (g *gguf) write(to io.Writer) error {
	w := &writer{w: bufio.NewWriterSize(to, 1<<20)}
	w.put([]byte("GGUF"))
	w.put(uint32(ggufVersion))
	w.put(uint64(len(g.tensors)))
	w.put(uint64(len(g.keys)))
	for _, kv := range g.keys {
		w.text(kv.key)
		w.value(kv.value)
	}
	offset := 0
	for _, t := range g.tensors {
		w.text(t.name)
		w.put(uint32(len(t.dims)))
		for _, d := range t.dims {
			w.put(uint64(d))
		}
		w.put(t.kind)
		w.put(uint64(offset))
		offset += padded(t.bytes())
	}
	w.pad()
	for _, t := range g.tensors {
		if t.kind == tensorF16 {
			w.put(halves(t.data))
		} else {
			w.put(t.data)
		}
		w.pad()
	}
	if w.err != nil {
		return w.err
	}
	return w.w.Flush()
}

func (w *writer) value(v any) {
	switch v := v.(type) {
	case uint32:
		w.put(uint32(valueUint32))
		w.put(v)
	case float32:
		w.put(uint32(valueFloat32))
		w.put(v)
	case bool:
		w.put(uint32(valueBool))
		w.put(v)
	case string:
		w.put(uint32(valueString))
		w.text(v)
	case []string:
		w.array(valueString, len(v))
		for _, s := range v {
			w.text(s)
		}
	case []float32:
		w.array(valueFloat32, len(v))
		w.put(v)
	case []int32:
		w.array(valueInt32, len(v))
		w.put(v)
	default:
		w.err = fmt.Errorf("gguf: no type for %T", v)
	}
}

func (w *writer) array(kind uint32, n int) {
	w.put(uint32(valueArray))
	w.put(kind)
	w.put(uint64(n))
}

// halves rounds to IEEE 754 binary16; what is too small becomes 0.
func halves(data []float32) []uint16 {
	out := make([]uint16, len(data))
	for i, f := range data {
		bits := math.Float32bits(f)
		sign := uint16(bits >> 16 & 0x8000)
		exponent := int(bits>>23&0xff) - 127 + 15
		switch {
		case exponent <= 0:
			out[i] = sign
		case exponent >= 31:
			out[i] = sign | 0x7c00
		default:
			rounded := uint32(exponent)<<10 + (bits>>13)&0x3ff + (bits>>12)&1
			out[i] = sign | uint16(rounded)
		}
	}
	return out
}
