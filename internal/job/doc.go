// Package job decides what a batch job does next.
//
// It is pure, like package scheduling: events change a State, and Decide says
// which stages to queue, whether to register, to wait for the GPU, to prepare
// the next chunk, or to end. The workflow AIRevisionBatch feeds it and carries
// out what it decides. A lost or repeated message changes nothing for good,
// because the job alone knows what is done.
package job
