"""The RabbitMQ server, spoken to through its management plugin: a virtual host that is new each time."""

import base64
import json
import urllib.request
from urllib.parse import quote, urlsplit, urlunsplit

VHOST = "bench"


class Broker:
    def __init__(self, amqp_url, management_url):
        self.amqp_url, self.management_url = amqp_url, management_url
        self.user = urlsplit(amqp_url).username
        password = urlsplit(amqp_url).password
        self.authorization = "Basic " + base64.b64encode(f"{self.user}:{password}".encode()).decode()

    def make_vhost(self):
        """The URL of an empty virtual host."""
        self.drop_vhost()
        self._ask("PUT", f"vhosts/{VHOST}")
        self._ask("PUT", f"permissions/{VHOST}/{quote(self.user)}", {"configure": ".*", "write": ".*", "read": ".*"})
        return urlunsplit(urlsplit(self.amqp_url)._replace(path=f"/{VHOST}"))

    def drop_vhost(self):
        if VHOST in [vhost["name"] for vhost in self._ask("GET", "vhosts")]:
            self._ask("DELETE", f"vhosts/{VHOST}")

    def consuming_connections(self):
        """How many connections take messages from queues of the virtual host."""
        channels = [one["channel_details"] for one in self._ask("GET", f"consumers/{VHOST}")]
        # Empty where the broker has not looked at a channel yet.
        return len({channel["connection_name"] for channel in channels if channel})

    def version(self):
        return "RabbitMQ " + self._ask("GET", "overview")["rabbitmq_version"]

    def _ask(self, method, path, body=None):
        headers = {"authorization": self.authorization, "content-type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.management_url}/api/{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or "null")
