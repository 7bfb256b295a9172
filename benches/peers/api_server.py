#!/usr/bin/env python3
"""An API server that knows a thousand pods and nothing else, for `w2-bypod.yaml`: `api_server.py KUBECONFIG [PODS]`.

Lists pods, namespaces and nodes; watches of them never tell anything. Pods have the names and uids that the load generator
sends, and ten annotations each. Listens on loopback, writes the kubeconfig that leads to it, and serves until it is killed.
"""
import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

KEYS = ['gpu.uuid', 'gpu.model', 'gpu.index', 'gpu.mig.profile', 'k8s.node.pool', 'cloud.zone', 'tenant.tier', 'tenant.cost_center', 'inference.deployment', 'inference.engine']


def pod(i):
    return {
        'metadata': {
            'name': f'vllm-llama-70b-{i * 7919 + 77:010x}-{i * 31 + 5:05x}',
            'namespace': 'inference',
            'uid': f'{i * 99991 + 1:08x}-1d2c-4e5f-8a9b-{i * 7777777 + 3:012x}',
            'resourceVersion': '1',
            'annotations': {key: f'{key}-value-{i:04}' for key in KEYS},
        },
        'spec': {'nodeName': f'gpu-node-{i // 8:03}', 'containers': [{'name': 'vllm', 'image': 'vllm/vllm-openai:v0.32.0'}]},
        'status': {'phase': 'Running', 'podIP': f'10.42.{i // 250}.{i % 250 + 2}', 'podIPs': [{'ip': f'10.42.{i // 250}.{i % 250 + 2}'}]},
    }


LISTS = {'pods': ('PodList', []), 'namespaces': ('NamespaceList', []), 'nodes': ('NodeList', [])}


class Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def do_GET(self):
        url = urlsplit(self.path)
        kind, items = LISTS.get(url.path.rsplit('/', 1)[-1], (None, None))
        if kind is None:
            body, status = {'kind': 'Status', 'apiVersion': 'v1', 'status': 'Failure', 'reason': 'NotFound', 'code': 404}, 404
        elif parse_qs(url.query).get('watch', ['false'])[0] in ('true', '1'):
            self.send_response(200)
            self.send_header('Content-Type', 'application/json')
            self.send_header('Transfer-Encoding', 'chunked')
            self.end_headers()
            time.sleep(3600)
            return
        else:
            body, status = {'kind': kind, 'apiVersion': 'v1', 'metadata': {'resourceVersion': '1'}, 'items': items}, 200
        body = json.dumps(body).encode()
        self.send_response(status)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


LISTS['pods'][1].extend(pod(i) for i in range(int(sys.argv[2]) if len(sys.argv) > 2 else 1000))
server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
server.daemon_threads = True
json.dump({
    'apiVersion': 'v1', 'kind': 'Config', 'current-context': 'bench',
    'clusters': [{'name': 'bench', 'cluster': {'server': f'http://127.0.0.1:{server.server_port}'}}],
    'users': [{'name': 'bench', 'user': {}}],
    'contexts': [{'name': 'bench', 'context': {'cluster': 'bench', 'user': 'bench'}}],
}, open(sys.argv[1], 'w'))
server.serve_forever()
