package devserver

import (
	"context"
	"errors"
	"fmt"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	namespacepb "go.temporal.io/api/namespace/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

const (
	pollInterval = 10 * time.Millisecond
	// callTimeout bounds one attempt at a call while the server comes up.
	callTimeout = time.Second
	// probeName is asked for and never made.
	probeName = "signalbox-devserver-ready"
)

// poll calls f until it succeeds or ctx is done, and then returns f's last
// error with ctx's.
func poll(ctx context.Context, f func() error) error {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		err := f()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err)
		case <-tick.C:
		}
	}
}

// awaitReady waits until the server does what a client asks of it first, and
// brings the namespace's retention up to date.
func awaitReady(ctx context.Context, frontend string, o Options) (err error) {
	conn, err := grpc.NewClient("passthrough:///"+frontend, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return fmt.Errorf("reach the frontend: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	api := workflowservice.NewWorkflowServiceClient(conn)
	probes := []struct {
		what string
		call func(context.Context) error
	}{
		{"the frontend", func(ctx context.Context) error {
			_, err := api.GetSystemInfo(ctx, &workflowservice.GetSystemInfoRequest{})
			return err
		}},
		{"the namespace", func(ctx context.Context) error {
			return setRetention(ctx, api, o)
		}},
		{"the history service", func(ctx context.Context) error {
			_, err := api.DescribeWorkflowExecution(ctx, &workflowservice.DescribeWorkflowExecutionRequest{
				Namespace: o.Namespace,
				Execution: &commonpb.WorkflowExecution{WorkflowId: probeName},
			})
			// It has looked, and there is none: it owns its shard.
			var notFound *serviceerror.NotFound
			if errors.As(serviceerror.FromStatus(status.Convert(err)), &notFound) {
				return nil
			}
			return err
		}},
		{"the matching service", func(ctx context.Context) error {
			_, err := api.DescribeTaskQueue(ctx, &workflowservice.DescribeTaskQueueRequest{
				Namespace:     o.Namespace,
				TaskQueue:     &taskqueuepb.TaskQueue{Name: probeName, Kind: enumspb.TASK_QUEUE_KIND_NORMAL},
				TaskQueueType: enumspb.TASK_QUEUE_TYPE_WORKFLOW,
			})
			return err
		}},
	}
	for _, p := range probes {
		err := poll(ctx, func() error {
			ctx, cancel := context.WithTimeout(ctx, callTimeout)
			defer cancel()
			return p.call(ctx)
		})
		if err != nil {
			return fmt.Errorf("wait for %s: %w", p.what, err)
		}
	}
	return nil
}

// setRetention makes the namespace's retention what o says.
func setRetention(ctx context.Context, api workflowservice.WorkflowServiceClient, o Options) error {
	namespace, err := api.DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: o.Namespace})
	if err != nil {
		return err
	}
	if namespace.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration() == o.Retention {
		return nil
	}
	_, err = api.UpdateNamespace(ctx, &workflowservice.UpdateNamespaceRequest{
		Namespace: o.Namespace,
		Config:    &namespacepb.NamespaceConfig{WorkflowExecutionRetentionTtl: durationpb.New(o.Retention)},
	})
	return err
}
