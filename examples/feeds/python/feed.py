"""Serves depth.proto on grpcio, without reflection: python3 feed.py [port]

Make the modules depth_pb2 and depth_pb2_grpc first, see README.md.
"""
import itertools
import math
import sys
import time
from concurrent import futures

import grpc

import depth_pb2
import depth_pb2_grpc

MARKETS = ["ACME-USD", "BOLT-USD", "CORE-USD"]


def event(seq, markets):
    price = 100 + math.sin(seq / 10)
    made = depth_pb2.Event(market=markets[seq % len(markets)], seq=seq)
    made.at.GetCurrentTime()
    if seq % 3 == 0:
        made.trade.price, made.trade.amount = price, 2
    else:
        made.book.bids.add(price=price - 0.5, amount=10)
        made.book.asks.add(price=price + 0.5, amount=12)
    return made


class Depth(depth_pb2_grpc.DepthServicer):
    def Watch(self, request, context):
        for seq in itertools.count(1):
            yield event(seq, list(request.markets) or MARKETS)
            time.sleep(0.1)


server = grpc.server(futures.ThreadPoolExecutor(max_workers=8))
depth_pb2_grpc.add_DepthServicer_to_server(Depth(), server)
port = server.add_insecure_port(f"localhost:{sys.argv[1] if len(sys.argv) > 1 else 50061}")
server.start()
print(f"feeding at localhost:{port}", file=sys.stderr, flush=True)
server.wait_for_termination()
