// A controller on eslgo that decides nothing: what benchmarks/plain_greenswitch.py does, in Go.
package main

import (
	"context"
	"log"
	"os"

	"github.com/percipia/eslgo"
	"github.com/percipia/eslgo/command"
	"github.com/percipia/eslgo/command/call"
)

func handle(ctx context.Context, conn *eslgo.Conn, connected *eslgo.RawResponse) {
	uuid := connected.GetHeader("Unique-Id")
	ended := make(chan struct{}, 1)
	conn.RegisterEventListener(uuid, func(event *eslgo.Event) {
		if event.GetName() == "CHANNEL_HANGUP_COMPLETE" {
			ended <- struct{}{}
		}
	})
	commands := []command.Command{
		command.MyEvents{Format: "plain"},
		command.Linger{Enabled: true},
		&call.Execute{UUID: uuid, AppName: "set", AppArgs: "hangup_after_bridge=true"},
		&call.Execute{UUID: uuid, AppName: "answer"},
		&call.Execute{UUID: uuid, AppName: "bridge", AppArgs: "sofia/internal/1002@127.0.0.1:5090"},
	}
	for _, cmd := range commands {
		if _, err := conn.SendCommand(ctx, cmd); err != nil {
			return
		}
	}
	select {
	case <-ended:
	case <-ctx.Done():
	}
}

func main() {
	options := eslgo.DefaultOutboundOptions
	options.Logger = nil
	options.ConnectionDelay = 0 // its default of 25 ms would be measured, not its work
	log.Fatal(options.ListenAndServe(os.Args[1], handle))
}
