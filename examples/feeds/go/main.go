// Serves depth.proto on grpc-go, with reflection: go run . Make the package depthpb first, see README.md.
package main

import (
	"log"
	"math"
	"net"
	"time"

	"example.com/depth/depthpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/reflection"
	"google.golang.org/protobuf/types/known/timestamppb"
)

type depth struct {
	depthpb.UnimplementedDepthServer
}

func event(seq uint64, markets []string) *depthpb.Event {
	price := 100 + math.Sin(float64(seq)/10)
	made := &depthpb.Event{Market: markets[seq%uint64(len(markets))], Seq: seq, At: timestamppb.Now()}
	if seq%3 == 0 {
		made.Body = &depthpb.Event_Trade{Trade: &depthpb.Trade{Price: price, Amount: 2}}
	} else {
		made.Body = &depthpb.Event_Book{Book: &depthpb.Book{
			Bids: []*depthpb.Level{{Price: price - 0.5, Amount: 10}},
			Asks: []*depthpb.Level{{Price: price + 0.5, Amount: 12}},
		}}
	}
	return made
}

func (depth) Watch(request *depthpb.WatchRequest, stream depthpb.Depth_WatchServer) error {
	markets := request.Markets
	if len(markets) == 0 {
		markets = []string{"ACME-USD", "BOLT-USD", "CORE-USD"}
	}
	for seq := uint64(1); stream.Context().Err() == nil; seq++ {
		if err := stream.Send(event(seq, markets)); err != nil {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
	return nil
}

func main() {
	listener, err := net.Listen("tcp", "localhost:50061")
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer()
	depthpb.RegisterDepthServer(server, depth{})
	reflection.Register(server)
	log.Fatal(server.Serve(listener))
}
