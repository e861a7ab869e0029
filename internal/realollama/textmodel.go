package realollama

import (
	"math"
	"math/rand/v2"
	"strings"
)

// Answer is what the text model says to any prompt, and the value that it
// gives to any text of a JSON schema.
const Answer = "The small model answers with plain words"

// Story is the name of a model that AddStory adds: its answer is long, and it can
// read any beginning of it as the words that it is made of.
const Story = "story"

// story is what it says. Each word stands there once: a word leads to the next.
const story = "once upon an evening some small engine stood beside its signal box while rain fell over every track " +
	"until night came down and nobody could see how far away another train might be then slowly two lights rose behind " +
	"those hills so that people waiting there began to hope for home again because what had seemed lost would soon arrive with them"

// Template is the text model's prompt template.
const Template = "{{ .System }}<|user|>{{ .Prompt }}<|assistant|>"

// Sizes of the text model: a hundred tokens under a schema take about half a
// second on one core.
const (
	textWidth   = 128
	textHidden  = 256
	textHeads   = 4
	textLayers  = 2
	textContext = 8192
)

// vocabulary of the text model: control tokens, bytes, printable characters,
// and the words of its answer.
type vocabulary struct {
	tokens []string
	types  []int32
	scores []float32
	index  map[string]int
}

// Token types of llama.cpp.
const (
	tokenNormal  = 1
	tokenUnknown = 2
	tokenControl = 3
	tokenByte    = 6
)

func (v *vocabulary) add(token string, kind int32) {
	v.index[token] = len(v.tokens)
	v.tokens = append(v.tokens, token)
	v.types = append(v.types, kind)
	v.scores = append(v.scores, -float32(len(v.tokens)))
}

const blank = "▁" // how a space is written in a SentencePiece vocabulary

// textVocabulary is that of a model with an answer. With prefixes it has the
// beginnings of its words too, so that the text, read again, makes the same tokens.
func textVocabulary(answer string, prefixes bool) *vocabulary {
	v := &vocabulary{index: map[string]int{}}
	v.add("<unk>", tokenUnknown)
	for _, t := range []string{"<s>", "</s>", "<|user|>", "<|assistant|>"} {
		v.add(t, tokenControl)
	}
	const digits = "0123456789ABCDEF"
	for b := range 256 {
		v.add("<0x"+string(digits[b>>4])+string(digits[b&15])+">", tokenByte)
	}
	for c := '!'; c <= '~'; c++ {
		v.add(string(c), tokenNormal)
	}
	v.add(blank, tokenNormal)
	for _, w := range strings.Fields(answer) {
		if v.index[blank+w] == 0 {
			v.add(blank+w, tokenNormal)
		}
	}
	for _, w := range strings.Fields(answer) {
		for i := 1; prefixes && i < len(w); i++ {
			if v.index[blank+w[:i]] == 0 {
				v.add(blank+w[:i], tokenNormal)
			}
		}
	}
	return v
}

// preferences lists, for each token, those that follow it, the likeliest first.
// Where a grammar forbids the first the next one is taken, so that an answer
// under a schema ends soon.
func preferences(answer string) map[string][]string {
	words := strings.Fields(answer)
	p := map[string][]string{
		"<|assistant|>": {blank + words[0], "{"},
		`"`:             {blank + words[0], ",", "}", "]", ":"},
		":":             {`"`, "[", "{", "f", "0"},
		",":             {`"`},
		"0":             {",", "}"},
		"e":             {",", "}"},
		"{":             {`"`},
		"[":             {"{", `"`},
		"}":             {"</s>", "]", ",", "}"},
		"]":             {"}", ","},
	}
	for i, w := range words {
		if i+1 < len(words) {
			p[blank+w] = []string{blank + words[i+1]}
		} else {
			p[blank+w] = []string{"</s>", `"`}
		}
	}
	return p
}

// textModel makes the weights: the last layer's output is nearly the embedding
// of the last token, and the head maps that to the tokens that follow.
func textModel(answer string, prefixes bool) *gguf {
	v := textVocabulary(answer, prefixes)
	n := len(v.tokens)
	random := rand.New(rand.NewPCG(1, 2))
	embedding := make([]float32, n*textWidth)
	for i := range embedding {
		embedding[i] = float32(2*random.IntN(2) - 1)
	}
	head := make([]float32, n*textWidth)
	for before, list := range preferences(answer) {
		from := embedding[v.index[before]*textWidth:][:textWidth]
		for rank, after := range list {
			to := head[v.index[after]*textWidth:][:textWidth]
			weight := float32(16-2*rank) / textWidth
			for k := range to {
				to[k] += weight * from[k]
			}
		}
	}

	g := &gguf{}
	g.set("general.architecture", "llama")
	g.set("general.name", "signalbox test text")
	g.set("general.file_type", uint32(1))
	g.set("llama.block_count", uint32(textLayers))
	g.set("llama.context_length", uint32(textContext))
	g.set("llama.embedding_length", uint32(textWidth))
	g.set("llama.feed_forward_length", uint32(textHidden))
	g.set("llama.attention.head_count", uint32(textHeads))
	g.set("llama.attention.head_count_kv", uint32(textHeads))
	g.set("llama.attention.layer_norm_rms_epsilon", float32(1e-5))
	g.set("llama.rope.dimension_count", uint32(textWidth/textHeads))
	g.set("llama.rope.freq_base", float32(10000))
	g.set("llama.vocab_size", uint32(n))
	g.set("tokenizer.ggml.model", "llama")
	g.set("tokenizer.ggml.pre", "default")
	g.set("tokenizer.ggml.tokens", v.tokens)
	g.set("tokenizer.ggml.scores", v.scores)
	g.set("tokenizer.ggml.token_type", v.types)
	g.set("tokenizer.ggml.bos_token_id", uint32(v.index["<s>"]))
	g.set("tokenizer.ggml.eos_token_id", uint32(v.index["</s>"]))
	g.set("tokenizer.ggml.unknown_token_id", uint32(v.index["<unk>"]))
	g.set("tokenizer.ggml.add_bos_token", true)
	g.set("tokenizer.ggml.add_eos_token", false)
	g.set("tokenizer.ggml.add_space_prefix", false)

	g.add("token_embd.weight", tensorF16, embedding, textWidth, n)
	const full, faint = 0.05, 0.0005 // what the layers add must not change the walk
	for layer := range textLayers {
		block := func(name string) string { return blockName(layer, name) }
		g.add(block("attn_norm.weight"), tensorF32, ones(textWidth), textWidth)
		for _, name := range []string{"attn_q", "attn_k", "attn_v"} {
			g.add(block(name+".weight"), tensorF16, normal(random, full, textWidth*textWidth), textWidth, textWidth)
		}
		g.add(block("attn_output.weight"), tensorF16, normal(random, faint, textWidth*textWidth), textWidth, textWidth)
		g.add(block("ffn_norm.weight"), tensorF32, ones(textWidth), textWidth)
		g.add(block("ffn_gate.weight"), tensorF16, normal(random, full, textWidth*textHidden), textWidth, textHidden)
		g.add(block("ffn_up.weight"), tensorF16, normal(random, full, textWidth*textHidden), textWidth, textHidden)
		g.add(block("ffn_down.weight"), tensorF16, normal(random, faint, textHidden*textWidth), textHidden, textWidth)
	}
	g.add("output_norm.weight", tensorF32, ones(textWidth), textWidth)
	g.add("output.weight", tensorF16, head, textWidth, n)
	return g
}

func ones(n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = 1
	}
	return out
}

func normal(random *rand.Rand, scale float64, n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(random.NormFloat64() * scale)
	}
	return out
}

func scaled(width int) float64 { return 1 / math.Sqrt(float64(width)) }
