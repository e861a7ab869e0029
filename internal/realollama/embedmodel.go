package realollama

import (
	"fmt"
	"math/rand/v2"
)

// Dimensions of the embedding model's vectors.
const Dimensions = 128

// Sizes of the embedding model.
const (
	embedHidden  = 256
	embedHeads   = 4
	embedContext = 2048
)

func blockName(layer int, name string) string { return fmt.Sprintf("blk.%d.%s", layer, name) }

// embedModel is a nomic-bert of one layer with random weights: equal texts have
// equal vectors, others do not. Each character is a token.
func embedModel() *gguf {
	tokens := []string{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}
	types := []int32{tokenControl, tokenUnknown, tokenControl, tokenControl, tokenControl}
	for c := '!'; c <= '~'; c++ {
		tokens = append(tokens, blank+string(c), string(c))
		types = append(types, tokenNormal, tokenNormal)
	}
	n := len(tokens)
	random := rand.New(rand.NewPCG(3, 4))

	const arch = "nomic-bert"
	g := &gguf{}
	g.set("general.architecture", arch)
	g.set("general.name", "signalbox test embedding")
	g.set("general.file_type", uint32(0))
	g.set(arch+".block_count", uint32(1))
	g.set(arch+".context_length", uint32(embedContext))
	g.set(arch+".embedding_length", uint32(Dimensions))
	g.set(arch+".feed_forward_length", uint32(embedHidden))
	g.set(arch+".attention.head_count", uint32(embedHeads))
	g.set(arch+".attention.layer_norm_epsilon", float32(1e-12))
	g.set(arch+".attention.causal", false)
	g.set(arch+".pooling_type", uint32(1)) // mean; makes it an embedding model
	g.set(arch+".rope.freq_base", float32(1000))
	g.set("tokenizer.ggml.model", "bert")
	g.set("tokenizer.ggml.token_type_count", uint32(2))
	g.set("tokenizer.ggml.tokens", tokens)
	g.set("tokenizer.ggml.token_type", types)
	g.set("tokenizer.ggml.unknown_token_id", uint32(1))
	g.set("tokenizer.ggml.cls_token_id", uint32(2))
	g.set("tokenizer.ggml.seperator_token_id", uint32(3))
	g.set("tokenizer.ggml.padding_token_id", uint32(0))
	g.set("tokenizer.ggml.mask_token_id", uint32(4))
	g.set("tokenizer.ggml.bos_token_id", uint32(2))
	g.set("tokenizer.ggml.eos_token_id", uint32(3))

	weight := func(name string, scale float64, dims ...int) {
		size := 1
		for _, d := range dims {
			size *= d
		}
		g.add(name, tensorF32, normal(random, scale, size), dims...)
	}
	norm := func(name string) {
		g.add(name+".weight", tensorF32, ones(Dimensions), Dimensions)
		g.add(name+".bias", tensorF32, make([]float32, Dimensions), Dimensions)
	}
	weight("token_embd.weight", 1, Dimensions, n)
	weight("token_types.weight", 0.1, Dimensions, 2)
	norm("token_embd_norm")
	weight(blockName(0, "attn_qkv.weight"), scaled(Dimensions), Dimensions, 3*Dimensions)
	weight(blockName(0, "attn_output.weight"), scaled(Dimensions), Dimensions, Dimensions)
	norm(blockName(0, "attn_output_norm"))
	weight(blockName(0, "ffn_gate.weight"), scaled(Dimensions), Dimensions, embedHidden)
	weight(blockName(0, "ffn_up.weight"), scaled(Dimensions), Dimensions, embedHidden)
	weight(blockName(0, "ffn_down.weight"), scaled(embedHidden), embedHidden, Dimensions)
	norm(blockName(0, "layer_output_norm"))
	return g
}
