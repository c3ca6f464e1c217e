"""Who may read and write, asked of a real mosquitto."""

from __future__ import annotations

from tests.labmesh.mosquitto._client import client
from tests.support import MqttBroker

NOT_AUTHORIZED = 0x87  # MQTT 5 section 2.4
SUCCESS, NO_SUBSCRIBERS = 0x00, 0x10


def test_a_node_writes_below_its_own_prefix(mqtt_broker: MqttBroker) -> None:
    with client(mqtt_broker.port, "asab") as asab:
        assert asab.publish("lab1/kit/asab/data/x") in (SUCCESS, NO_SUBSCRIBERS)
        assert asab.publish("lab1/dtu/asab/data/x") in (SUCCESS, NO_SUBSCRIBERS)


def test_a_node_writes_nowhere_else(mqtt_broker: MqttBroker) -> None:
    with client(mqtt_broker.port) as reader, client(mqtt_broker.port, "asab") as asab:
        reader.subscribe("lab1/#")
        for topic in (
            "lab1/kit/broker/data/x",
            "lab1/nowhere/asab/data/x",
            "lab2/kit/asab/data/x",
            "lab1/kit/asab2/data/x",
            "other",
        ):
            assert asab.publish(topic) == NOT_AUTHORIZED, topic
        assert asab.publish("lab1/kit/asab/data/last") == SUCCESS
        assert reader.receive() == ("lab1/kit/asab/data/last", b"x")


def test_without_a_name_one_reads_and_does_not_write(mqtt_broker: MqttBroker) -> None:
    with client(mqtt_broker.port) as anonymous, client(mqtt_broker.port, "asab") as asab:
        assert anonymous.subscribe("lab1/#") == 1
        assert anonymous.publish("lab1/kit/asab/data/x") == NOT_AUTHORIZED
        assert anonymous.publish("lab1/kit//data/x") == NOT_AUTHORIZED
        asab.publish("lab1/kit/asab/data/x", b"1")
        assert anonymous.receive() == ("lab1/kit/asab/data/x", b"1")


def test_a_refused_publish_leaves_the_connection_alone(mqtt_broker: MqttBroker) -> None:
    with client(mqtt_broker.port, "asab") as asab:
        asab.subscribe("lab1/#")
        assert asab.publish("lab1/kit/other/data/x") == NOT_AUTHORIZED
        assert asab.publish("lab1/kit/asab/data/x", b"1") == SUCCESS
        assert asab.receive() == ("lab1/kit/asab/data/x", b"1")


def test_a_wildcard_for_a_name_gives_no_rights(mqtt_broker: MqttBroker) -> None:
    for name in ("+", "#"):
        with client(mqtt_broker.port, name) as liar:
            assert liar.publish("lab1/kit/asab/data/x") == NOT_AUTHORIZED, name


def test_a_will_below_the_own_prefix_is_published(mqtt_broker: MqttBroker) -> None:
    with client(mqtt_broker.port) as reader:
        reader.subscribe("lab1/#")
        with client(mqtt_broker.port, "asab", will=("lab1/kit/asab/node/alive/0", b"gone")):
            pass
        assert reader.receive() == ("lab1/kit/asab/node/alive/0", b"gone")


def test_a_will_elsewhere_is_not_published(mqtt_broker: MqttBroker) -> None:
    with client(mqtt_broker.port) as reader:
        reader.subscribe("lab1/#")
        with client(mqtt_broker.port, "asab", will=("lab1/kit/broker/node/alive/0", b"gone")):
            pass
        assert reader.received_nothing(0.5)


def test_a_retained_value_is_cleared_by_its_author_alone(mqtt_broker: MqttBroker) -> None:
    topic = "lab1/kit/asab/offer/conductivity/a"
    with client(mqtt_broker.port, "asab") as asab, client(mqtt_broker.port, "other") as other:
        asab.publish(topic, b"1", retain=True)
        assert other.publish(topic, b"", retain=True) == NOT_AUTHORIZED
        with client(mqtt_broker.port) as reader:
            reader.subscribe(topic)
            assert reader.receive() == (topic, b"1")
        assert asab.publish(topic, b"", retain=True) in (SUCCESS, NO_SUBSCRIBERS)
        with client(mqtt_broker.port) as late:
            late.subscribe("lab1/#")
            assert late.received_nothing(0.3)


def test_the_brokers_own_figures_are_readable(mqtt_broker: MqttBroker) -> None:
    with client(mqtt_broker.port) as reader:
        reader.subscribe("$SYS/broker/version")
        assert reader.receive()[1].startswith(b"mosquitto version 2.")
