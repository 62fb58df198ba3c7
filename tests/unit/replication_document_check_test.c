#include "unit/document_example.h"

/* ---- one mistake each in the example ---- */

static const struct mistake {
    const char *from, *to, *error;
} mistakes[] = {
    {"format: 1\n", "", "lab.yaml:1:1: found no 'format', expected 'format: 1'"},
    {"format: 1", "format: 2", "lab.yaml:1:9: " NEWER},
    {"format: 1", "format: 0", "lab.yaml:1:9: found '0', expected the number of the format"},
    {"format: 1", "format: new", "lab.yaml:1:9: found 'new', expected the number of the format"},
    {"format: 1\ncluster: tandem-lab\n", "cluster: tandem-lab\nfrom-tomorrow: yes\nformat: 2\n",
     "lab.yaml:3:9: " NEWER},
    {"cluster: tandem-lab\n", "",
     "lab.yaml:1:1: found no 'cluster', expected a name of 1 to 30 of a-z, 0-9 and inner '-'"},
    {"cluster: tandem-lab", "cluster: Tandem",
     "lab.yaml:2:10: found 'Tandem', expected a name of 1 to 30 of a-z, 0-9 and inner '-'"},
    {"cluster: tandem-lab", "cluster: tandem-",
     "lab.yaml:2:10: found 'tandem-', expected a name of 1 to 30 of a-z, 0-9 and inner '-'"},
    {"cluster: tandem-lab", "cluster: a-name-of-more-than-thirty-bytes",
     "lab.yaml:2:10: found 'a-name-of-more-than-thirty-bytes', expected a name of 1 to 30 of a-z, "
     "0-9 and inner '-'"},
    {"cluster: tandem-lab", "cluster: {name: tandem-lab}",
     "lab.yaml:2:10: found a map, expected a name of 1 to 30 of a-z, 0-9 and inner '-'"},
    {"cluster: tandem-lab", "cluster:",
     "lab.yaml:2:9: found nothing, expected a name of 1 to 30 of a-z, 0-9 and inner '-'"},
    {"cluster: tandem-lab", "cluster: tandem-lab\ncluster: two",
     "lab.yaml:3:1: found 'cluster' a second time, expected it once; the first is in line 2"},
    {"cluster:", "clutser:", "lab.yaml:2:1: found unknown key 'clutser', did you mean 'cluster'?"},
    {"dns:", "mail:",
     "lab.yaml:14:1: found unknown key 'mail', expected one of format, cluster, nodes, dns, "
     "replication, failover, paths, spare, witness, zones, servers, pools"},
    {"  ns2:\n", "  ns3: {own: 10.0.0.3, home: 10.0.0.4}\n  ns2:\n",
     "lab.yaml:3:1: found 3 nodes, expected at most 2"},
    {"  ns2:\n", "  ns_2:\n",
     "lab.yaml:10:3: found 'ns_2', expected a name of 1 to 30 of a-z, 0-9 and inner '-'"},
    {"  ns2:\n", "  ns1:\n",
     "lab.yaml:10:3: found 'ns1' a second time, expected it once; the first is in line 4"},
    {"    interface: lan\n", "    interface: a/b\n",
     "lab.yaml:5:16: found 'a/b', expected the name of a network interface, of 1 to 15 characters"},
    {"    interface: lan\n", "    interface: sixteen-letters-\n",
     "lab.yaml:5:16: found 'sixteen-letters-', expected the name of a network interface, of 1 to "
     "15 characters"},
    {"    own: [192.0.2.11, 2001:db8:53::11]\n", "",
     "lab.yaml:4:3: found no 'own', expected an address, or a list of one IPv4 and one IPv6 "
     "address"},
    {"192.0.2.11", "192.0.2.256",
     "lab.yaml:6:11: found '192.0.2.256', expected the IPv4 or IPv6 address of a host"},
    {"192.0.2.11, 2001:db8:53::11]", "192.0.2.11, 192.0.2.13]",
     "lab.yaml:6:23: found '192.0.2.13', expected no second IPv4 address"},
    {"[192.0.2.11, 2001:db8:53::11]", "[]",
     "lab.yaml:6:10: found an empty list, expected an address, or a list of one IPv4 and one IPv6 "
     "address"},
    {"[192.0.2.11, 2001:db8:53::11]", "{ipv4: 192.0.2.11}",
     "lab.yaml:6:10: found a map, expected an address, or a list of one IPv4 and one IPv6 address"},
    {"192.0.2.11", "0.0.0.0",
     "lab.yaml:6:11: found '0.0.0.0', expected the IPv4 or IPv6 address of a host"},
    {"192.0.2.11", "224.0.0.18",
     "lab.yaml:6:11: found '224.0.0.18', expected the IPv4 or IPv6 address of a host"},
    {"2001:db8:53::11", "ff02::12",
     "lab.yaml:6:23: found 'ff02::12', expected the IPv4 or IPv6 address of a host"},
    {"2001:db8:53::11", "\"::\"",
     "lab.yaml:6:23: found '::', expected the IPv4 or IPv6 address of a host"},
    {"2001:db8:53::11", "\"::ffff:192.0.2.11\"",
     "lab.yaml:6:23: found '::ffff:192.0.2.11', expected the IPv4 or IPv6 address of a host"},
    {"    home: 192.0.2.54\n", "",
     "lab.yaml:10:3: found no 'home', expected an address, or a list of one IPv4 and one IPv6 "
     "address"},
    {"    home: 192.0.2.54\n", "    home: 192.0.2.53\n",
     "lab.yaml:12:11: found '192.0.2.53' a second time, expected each address once; the first is "
     "in line 7"},
    {"[192.0.2.12, 2001:db8:53::12]", "192.0.2.12",
     "lab.yaml:7:11: found an IPv6 address, expected node ns2 to have an own address of that "
     "family too, as it may have to hold this one"},
    {"    home: 192.0.2.54\n", "    home: 192.0.2.54\n    pair: 2001:db8:99::2\n",
     "lab.yaml:13:5: found a pair link from IPv4 to IPv6, expected both ends in one family"},
    {"    home: 192.0.2.54\n", "    home: 192.0.2.54\n    pair: 198.51.100.1\n",
     "lab.yaml:13:11: found '198.51.100.1' a second time, expected each address once; the first is "
     "in line 8"},
    {"home: [2001:db8:53::53, 192.0.2.53]", "home: [2001:db8:53::53, 192.0.2.11]",
     "lab.yaml:7:29: found '192.0.2.11' a second time, expected each address once; the first is in "
     "line 6"},
    {"    pair: 198.51.100.1\n", "    pair: lan2\n",
     "lab.yaml:8:11: found 'lan2', expected the IPv4 or IPv6 address of a host"},
    {"\"Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID\"", "\"Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hI\"",
     "lab.yaml:9:10: found 39 characters, expected a public key as tandemctl keygen prints it: 40 "
     "characters of Z85, in quotes"},
    {"\"Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID\"", "'Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{h~D'",
     "lab.yaml:9:10: found 40 characters that are no Z85, expected a public key as tandemctl "
     "keygen prints it: 40 characters of Z85, in quotes"},
    {"\"Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID\"", "'########################################'",
     "lab.yaml:9:10: found 40 characters that are no Z85, expected a public key as tandemctl "
     "keygen prints it: 40 characters of Z85, in quotes"},
    {"    key: \"Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID\"\n", "",
     "lab.yaml:4:3: found no 'key', expected the public key of a node that has a partner or "
     "servers"},
    {"rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7", "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID",
     "lab.yaml:13:10: found this a second time, expected each key once; the first is in line 9"},
    {"port: 5353", "port: 65536",
     "lab.yaml:14:13: found '65536', expected a number from 1 to 65535"},
    {"port: 5353", "port: 053", "lab.yaml:14:13: found '053', expected a number from 1 to 65535"},
    {"port: 5353", "port: -1", "lab.yaml:14:13: found '-1', expected a number from 1 to 65535"},
    {"port: 5353", "port: 99999999999999999999",
     "lab.yaml:14:13: found '99999999999999999999', expected a number from 1 to 65535"},
    {"    pair: 198.51.100.1\n", "    link-local: 2001:db8::53\n",
     "lab.yaml:8:17: found '2001:db8::53', expected a link-local address, as fe80::53"},
    {"    home: 192.0.2.54\n", "    home: 192.0.2.54\n    link-local: fe80::54\n",
     "lab.yaml:13:17: found 'fe80::54' beside no IPv6 home, expected one"},
    {"2001:db8:53::11]\n    home: [2001:db8:53::53, 192.0.2.53]\n    pair: 198.51.100.1\n",
     "fe80::53]\n    home: [2001:db8:53::53, 192.0.2.53]\n    link-local: fe80::53\n",
     "lab.yaml:8:17: found 'fe80::53' a second time, expected each address once; the first is in "
     "line 6"},
    {"dns: {", "failover: {partner: carp}\ndns: {",
     "lab.yaml:14:21: found 'carp', expected tandem or vrrp"},
    {"dns: {", "failover: {partner: vrrp}\ndns: {",
     "lab.yaml:13:5: found 'key' of ns2, expected none, for it is a router of another make"},
    {"    home: 192.0.2.54\n    key: \"" KEY2 "\"\n",
     "    home: 192.0.2.54\nfailover: {partner: vrrp}\n",
     "lab.yaml:8:5: found 'pair', expected none, for there is no link of a pair's own to a router"},
    {"    interface: lan\n    own: [192.0.2.11, 2001:db8:53::11]\n"
     "    home: [2001:db8:53::53, 192.0.2.53]\n    pair: 198.51.100.1\n    key: \"" KEY1 "\"\n"
     "  ns2:\n    own: [192.0.2.12, 2001:db8:53::12]\n    home: 192.0.2.54\n    key: \"" KEY2
     "\"\n",
     "    own: 192.0.2.11\n    home: 192.0.2.53\n    key: \"" KEY1 "\"\n"
     "  ns2:\n    own: 192.0.2.12\n    home: 192.0.2.54\nfailover: {partner: vrrp}\n",
     "lab.yaml:4:3: found no 'interface', expected that of a node beside a router, whose addresses "
     "it is to take over"},
    {"port: 5353", "port: 7363",
     "lab.yaml:15:21: found port 7363 for dns and replication, expected two ports"},
    {"pair: 198.51.100.1", "vrid: 54", "lab.yaml:8:11: found vrid 54 for both nodes, expected two"},
    {"home: 192.0.2.54", "home: 192.0.2.54\n    vrid: 53",
     "lab.yaml:13:11: found vrid 53 for both nodes, expected two"},
    {"pair: 198.51.100.1", "vrid: 256",
     "lab.yaml:8:11: found '256', expected a number from 0 to 255"},
    {"threads: 4", "threads: 65", "lab.yaml:14:28: found '65', expected a number from 1 to 64"},
    {"threads: 4", "threads: 4.5", "lab.yaml:14:28: found '4.5', expected a number from 1 to 64"},
    {"dns: {port: 5353, threads: 4}", "dns: 5353", "lab.yaml:14:6: found '5353', expected a map"},
    {"{port: 7363}", "{ports: 7363}",
     "lab.yaml:15:15: found unknown key 'ports', did you mean 'port'?"},
    {"keys: secret", "keys: ''", "lab.yaml:16:15: found nothing, expected a path"},
    {"[192.0.2.1]", "192.0.2.1",
     "lab.yaml:17:10: found '192.0.2.1', expected a list of 1 to 5 addresses"},
    {"[192.0.2.1]", "[10.0.0.1, 10.0.0.2, 10.0.0.3, 10.0.0.4, 10.0.0.5, 10.0.0.6]",
     "lab.yaml:17:10: found a list of 6, expected a list of 1 to 5 addresses"},
    {"[192.0.2.1]", "[192.0.2.1, 192.0.2.1]",
     "lab.yaml:17:22: found '192.0.2.1' a second time, expected it once"},
    {"[192.0.2.1]", "[192.0.2.1, 192.0.2.12]",
     "lab.yaml:17:22: found '192.0.2.12', expected a host that is none of the nodes"},
    {"  Deep.Tandem.Example.:", "  Tandem.Example.:",
     "lab.yaml:20:3: found 'tandem.example' a second time, expected each zone once; the first is "
     "in line 19"},
    {"  Deep.Tandem.Example.:", "  deep..example:",
     "lab.yaml:20:3: found 'deep..example', expected the domain name of a zone"},
    {"  Deep.Tandem.Example.:", "  deep example:",
     "lab.yaml:20:3: found 'deep example', expected the domain name of a zone"},
    {"tandem.example.zone", "", "lab.yaml:19:18: found nothing, expected a zone file"},
    {"tandem.example.zone", "[a, b]", "lab.yaml:19:19: found a list, expected a zone file"},
    {"192.0.2.101", "192.0.2.53",
     "lab.yaml:22:24: found '192.0.2.53' a second time, expected each address once; the first is "
     "in line 7"},
    {"2001:db8:53::101", "2001:db8:53:0::11",
     "lab.yaml:22:37: found '2001:db8:53:0::11' a second time, expected each address once; the "
     "first is in line 6"},
    {"addresses: 192.0.2.102", "addresses: 192.0.2.101",
     "lab.yaml:24:16: found '192.0.2.101' a second time, expected each address once; the first is "
     "in line 22"},
    {"    capacity: 500\n", "",
     "lab.yaml:23:3: found no 'capacity', expected a number from 1 to 10000000"},
    {"capacity: 500", "capacity: 0",
     "lab.yaml:25:15: found '0', expected a number from 1 to 10000000"},
    {"capacity: 500", "capacity: 10000001",
     "lab.yaml:25:15: found '10000001', expected a number from 1 to 10000000"},
    {"capacity: 500", "capcity: 500",
     "lab.yaml:25:5: found unknown key 'capcity', did you mean 'capacity'?"},
    {"    key: \"0000000000000000000000000000000000000000\"\n", "",
     "lab.yaml:23:3: found no 'key', expected a public key as tandemctl keygen prints it: 40 "
     "characters of Z85, in quotes, or a list of two while one is exchanged for the other"},
    {"\"0000000000000000000000000000000000000000\"", "\"D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs\"",
     "lab.yaml:26:10: found this a second time, expected each key once; the first is in line 22"},
    {"  media2:\n", "  media_2:\n",
     "lab.yaml:23:3: found 'media_2', expected a name of 1 to 30 of a-z, 0-9 and inner '-'"},
    {"    name: Stream.tandem.example.\n", "",
     "lab.yaml:28:3: found no 'name', expected a domain name within one of the zones"},
    {"Stream.tandem.example.", "stream.other.example",
     "lab.yaml:29:11: found 'stream.other.example', expected a domain name within one of the "
     "zones"},
    {"Stream.tandem.example.", "xtandem.example",
     "lab.yaml:29:11: found 'xtandem.example', expected a domain name within one of the zones"},
    {"Stream.tandem.example.", "web.tandem.example",
     "lab.yaml:39:11: found 'web.tandem.example' a second time, expected one pool for a name; the "
     "first is in line 29"},
    {"Stream.tandem.example.", "stream.tandem..example",
     "lab.yaml:29:11: found 'stream.tandem..example', expected a domain name within one of the "
     "zones"},
    {"Stream.tandem.example.",
     "a-label-of-more-than-sixty-three-bytes-is-not-a-label-but-a-mistake.tandem.example",
     "lab.yaml:29:11: found 'a-label-of-more-than-sixty-three-bytes-is-not-a-label-but-a-mist', "
     "expected a domain name within one of the zones"},
    {"least-connection-group", "round-robin",
     "lab.yaml:30:13: found 'round-robin', expected least-connection-group"},
    {"group-size: 1", "group-size: 257",
     "lab.yaml:31:17: found '257', expected a number from 1 to 256"},
    {"group-size: 1", "grop-size: 1",
     "lab.yaml:31:5: found unknown key 'grop-size', did you mean 'group-size'?"},
    {"rounds: 3", "rounds: 0", "lab.yaml:32:13: found '0', expected a number from 1 to 1000"},
    {"ports: [1755, 80]", "ports: [1755, 0]",
     "lab.yaml:33:19: found '0', expected a number from 1 to 65535"},
    {"ports: [1755, 80]", "ports: [80, 80]",
     "lab.yaml:33:17: found '80' a second time, expected it once"},
    {"ports: [1755, 80]", "ports: []",
     "lab.yaml:33:12: found an empty list, expected a list of 1 to 8 ports"},
    {"ports: [1755, 80]", "ports: [1, 2, 3, 4, 5, 6, 7, 8, 9]",
     "lab.yaml:33:12: found a list of 9, expected a list of 1 to 8 ports"},
    {"ports: [1755, 80]", "ports: 80",
     "lab.yaml:33:12: found '80', expected a list of 1 to 8 ports"},
    {"ttl: 1m", "ttl: 5",
     "lab.yaml:34:10: found '5', expected a duration from 0s to 24h in whole seconds"},
    {"ttl: 1m", "ttl: 500ms",
     "lab.yaml:34:10: found '500ms', expected a duration from 0s to 24h in whole seconds"},
    {"ttl: 1m", "ttl: 25h",
     "lab.yaml:34:10: found '25h', expected a duration from 0s to 24h in whole seconds"},
    {"stale: 1500ms", "stale: 499ms",
     "lab.yaml:35:12: found '499ms', expected a duration from 500ms to 1m"},
    {"stale: 1500ms", "stale: 2 s",
     "lab.yaml:35:12: found '2 s', expected a duration from 500ms to 1m"},
    {"stale: 1500ms", "stale: 61s",
     "lab.yaml:35:12: found '61s', expected a duration from 500ms to 1m"},
    {"[203.0.113.1, 2001:db8::1]", "some",
     "lab.yaml:36:18: found 'some', expected last-known-good, all, servfail or a list of "
     "addresses"},
    {"[203.0.113.1, 2001:db8::1]", "[]",
     "lab.yaml:36:18: found an empty list, expected a list of 1 to 8 addresses"},
    {"[203.0.113.1, 2001:db8::1]", "[203.0.113.1, 203.0.113.1]",
     "lab.yaml:36:32: found '203.0.113.1' a second time, expected it once"},
    {"[media2, media1]", "[media2, media2]",
     "lab.yaml:37:23: found 'media2' a second time, expected it once"},
    {"[media2, media1]", "[media2, meda1]",
     "lab.yaml:37:23: found unknown server 'meda1', did you mean 'media1'?"},
    {"[media2, media1]", "[media2, elsewhere]",
     "lab.yaml:37:23: found 'elsewhere', expected one of the servers"},
    {"[media2, media1]", "[media2, [media1]]",
     "lab.yaml:37:23: found a list, expected the name of a server"},
    {"[media2, media1]", "every",
     "lab.yaml:37:14: found 'every', expected a list of servers, or all"},
    {"own: [192.0.2.11, 2001:db8:53::11]", "own: [192.0.2.11, 2001:db8:53::11",
     "lab.yaml:6:23: found a text that goes on in the next line, expected its end in this one (a "
     "quote, comma, colon or bracket may be missing, or the next line indented too far)"},
    {"cluster: tandem-lab", "cluster: &c tandem-lab",
     "lab.yaml:2:10: found an anchor or alias, expected the value itself (a text that begins with "
     "& or * needs quotes)"},
    {"cluster: tandem-lab", "cluster: *c",
     "lab.yaml:2:10: found an anchor or alias, expected the value itself (a text that begins with "
     "& or * needs quotes)"},
    {"cluster: tandem-lab", "cluster: !!str tandem-lab",
     "lab.yaml:2:10: found a tag, expected the value itself (a text that begins with ! needs "
     "quotes)"},
    {"cluster: tandem-lab", "cluster: |\n  tandem-lab",
     "lab.yaml:2:10: found a text that goes on in the next line, expected its end in this one (a "
     "quote, comma, colon or bracket may be missing, or the next line indented too far)"},
    {"cluster: tandem-lab", "cluster: \"tandem\\nlab\"",
     "lab.yaml:2:10: found a control character in a text, expected none"},
    {"cluster: tandem-lab", "cluster:\ttandem\001",
     "lab.yaml:2:16: found a byte that no text has, expected printable UTF-8"},
    {"nodes:\n", "nodes: {}\nnode:\n",
     "lab.yaml:3:8: found an empty map, expected a map of one or two nodes"},
    {"nodes:\n", "nodes: [ns1, ns2]\nnode:\n",
     "lab.yaml:3:8: found a list, expected a map of one or two nodes"},
    {"    interface: lan\n", "    interface:\n",
     "lab.yaml:5:15: found nothing, expected the name of a network interface, of 1 to 15 "
     "characters"},
    {"    interface: lan\n", "    interfaces: lan\n",
     "lab.yaml:5:5: found unknown key 'interfaces', did you mean 'interface'?"},
    {"    interface: lan\n", "    interface: lan\n    interface: lan\n",
     "lab.yaml:6:5: found 'interface' a second time, expected it once; the first is in line 5"},
    {"    interface: lan\n", "    address: 192.0.2.11\n",
     "lab.yaml:5:5: found unknown key 'address', expected one of interface, own, home, pair, "
     "link-local, vrid, key"},
    {"  ns2:\n", "  ns2: 192.0.2.12\n  ns3:\n", "lab.yaml:3:1: found 3 nodes, expected at most 2"},
    {"  ns2:\n", "  '':\n",
     "lab.yaml:10:3: found '', expected a name of 1 to 30 of a-z, 0-9 and inner '-'"},
    {"192.0.2.11", "192.0.2.11/24",
     "lab.yaml:6:11: found '192.0.2.11/24', expected the IPv4 or IPv6 address of a host"},
    {"192.0.2.11", "192.0.2.011",
     "lab.yaml:6:11: found '192.0.2.011', expected the IPv4 or IPv6 address of a host"},
    {"192.0.2.11", "ns1.tandem.example",
     "lab.yaml:6:11: found 'ns1.tandem.example', expected the IPv4 or IPv6 address of a host"},
    {"192.0.2.11", "[192.0.2.11]",
     "lab.yaml:6:11: found a list, expected the IPv4 or IPv6 address of a host"},
    {"2001:db8:53::11", "fe80::1%lan",
     "lab.yaml:6:23: found 'fe80::1%lan', expected the IPv4 or IPv6 address of a host"},
    {"2001:db8:53::11", "2001:db8:53:::11",
     "lab.yaml:6:23: found '2001:db8:53:::11', expected the IPv4 or IPv6 address of a host"},
    {"[192.0.2.11, 2001:db8:53::11]", "[192.0.2.11, 2001:db8:53::11, 192.0.2.13]",
     "lab.yaml:6:40: found '192.0.2.13', expected no second IPv4 address"},
    {"[192.0.2.11, 2001:db8:53::11]", "255.255.255.255",
     "lab.yaml:6:10: found '255.255.255.255', expected the IPv4 or IPv6 address of a host"},
    {"home: 192.0.2.54", "home: 2001:db8:53::53",
     "lab.yaml:12:11: found '2001:db8:53::53' a second time, expected each address once; the first "
     "is in line 7"},
    {"    pair: 198.51.100.1\n", "    pair: [198.51.100.1]\n",
     "lab.yaml:8:11: found a list, expected the IPv4 or IPv6 address of a host"},
    {"    pair: 198.51.100.1\n", "    pair: 192.0.2.53\n",
     "lab.yaml:8:11: found '192.0.2.53' a second time, expected each address once; the first is in "
     "line 7"},
    {"    pair: 198.51.100.1\n", "    pair: 2001:db8:99::1\n",
     "lab.yaml:10:3: found a pair link from IPv6 to IPv4, expected both ends in one family"},
    {"\"" KEY1 "\"", "\"" KEY1 "D\"",
     "lab.yaml:9:10: found 41 characters, expected a public key as tandemctl keygen prints it: 40 "
     "characters of Z85, in quotes"},
    {"\"" KEY1 "\"", "[a]",
     "lab.yaml:9:11: found 1 characters, expected a public key as tandemctl keygen prints it: 40 "
     "characters of Z85, in quotes"},
    {"\"" KEY1 "\"", "",
     "lab.yaml:9:9: found nothing, expected a public key as tandemctl keygen prints it: 40 "
     "characters of Z85, in quotes"},
    {"\"" KEY1 "\"", "'Yne@$w-vo<fVvi]a<NY6T1ed M$fCG*[IaLV{hID'",
     "lab.yaml:9:10: found 40 characters that are no Z85, expected a public key as tandemctl "
     "keygen prints it: 40 characters of Z85, in quotes"},
    {"dns: {port: 5353, threads: 4}", "dns: [5353]", "lab.yaml:14:6: found a list, expected a map"},
    {"dns: {port: 5353, threads: 4}", "dns:", "lab.yaml:14:5: found nothing, expected a map"},
    {"port: 5353", "port: 0", "lab.yaml:14:13: found '0', expected a number from 1 to 65535"},
    {"port: 5353", "port: 53x", "lab.yaml:14:13: found '53x', expected a number from 1 to 65535"},
    {"port: 5353", "port: [53]", "lab.yaml:14:13: found a list, expected a number from 1 to 65535"},
    {"port: 5353", "port: 53, port: 54",
     "lab.yaml:14:17: found 'port' a second time, expected it once; the first is in line 14"},
    {"{port: 7363}", "{address: 10.0.0.1}",
     "lab.yaml:15:15: found unknown key 'address', expected port"},
    {"[192.0.2.1]", "[gateway]",
     "lab.yaml:17:11: found 'gateway', expected the IPv4 or IPv6 address of a host"},
    {"[192.0.2.1]", "[192.0.2.1, [192.0.2.2]]",
     "lab.yaml:17:22: found a list, expected the IPv4 or IPv6 address of a host"},
    {"[192.0.2.1]", "[]",
     "lab.yaml:17:10: found an empty list, expected a list of 1 to 5 addresses"},
    {"[192.0.2.1]", "[198.51.100.1]",
     "lab.yaml:17:11: found '198.51.100.1', expected a host that is none of the nodes"},
    {"tandem.example.zone", "''", "lab.yaml:19:19: found nothing, expected a zone file"},
    {"  Deep.Tandem.Example.:", "  tandem.example:",
     "lab.yaml:20:3: found 'tandem.example' a second time, expected it once; the first is in line "
     "19"},
    {"  Deep.Tandem.Example.:", "  .tandem.example:",
     "lab.yaml:20:3: found '.tandem.example', expected the domain name of a zone"},
    {"  media2:\n", "  media1:\n",
     "lab.yaml:23:3: found 'media1' a second time, expected it once; the first is in line 22"},
    {"  media2:\n", "  media2: {}\n  media3:\n",
     "lab.yaml:23:3: found no 'addresses', expected an address, or a list of one IPv4 and one IPv6 "
     "address"},
    {"    addresses: 192.0.2.102\n", "",
     "lab.yaml:23:3: found no 'addresses', expected an address, or a list of one IPv4 and one IPv6 "
     "address"},
    {"    addresses: 192.0.2.102\n", "    address: 192.0.2.102\n",
     "lab.yaml:24:5: found unknown key 'address', did you mean 'addresses'?"},
    {"    addresses: 192.0.2.102\n", "    addresses: media2\n",
     "lab.yaml:24:16: found 'media2', expected the IPv4 or IPv6 address of a host"},
    {"    addresses: 192.0.2.102\n", "    addresses: 192.0.2.12\n",
     "lab.yaml:24:16: found '192.0.2.12' a second time, expected each address once; the first is "
     "in line 11"},
    {"    addresses: 192.0.2.102\n", "    addresses: 198.51.100.1\n",
     "lab.yaml:24:16: found '198.51.100.1' a second time, expected each address once; the first is "
     "in line 8"},
    {"capacity: 500", "capacity: 1k",
     "lab.yaml:25:15: found '1k', expected a number from 1 to 10000000"},
    {"capacity: 500", "capacity: ' 500'",
     "lab.yaml:25:15: found ' 500', expected a number from 1 to 10000000"},
    {"capacity: 500", "capacity: 500\n    capacity: 501",
     "lab.yaml:26:5: found 'capacity' a second time, expected it once; the first is in line 25"},
    {"capacity: 500", "capacity: 500\n    weight: 2",
     "lab.yaml:26:5: found unknown key 'weight', expected one of addresses, capacity, key"},
    {"\"0000000000000000000000000000000000000000\"", "\"" KEY1 "\"",
     "lab.yaml:26:10: found this a second time, expected each key once; the first is in line 9"},
    {"  web:\n", "  stream:\n",
     "lab.yaml:38:3: found 'stream' a second time, expected it once; the first is in line 28"},
    {"    name: web.tandem.example\n", "    name: stream.tandem.example\n",
     "lab.yaml:39:11: found 'stream.tandem.example' a second time, expected one pool for a name; "
     "the first is in line 29"},
    {"    name: web.tandem.example\n", "    name: example\n",
     "lab.yaml:39:11: found 'example', expected a domain name within one of the zones"},
    {"    name: web.tandem.example\n", "    name: [web.tandem.example]\n",
     "lab.yaml:39:11: found a list, expected a domain name within one of the zones"},
    {"    name: web.tandem.example\n", "    name: web.tandem.example\n    name: x.tandem.example\n",
     "lab.yaml:40:5: found 'name' a second time, expected it once; the first is in line 39"},
    {"least-connection-group", "[least-connection-group]",
     "lab.yaml:30:13: found a list, expected least-connection-group"},
    {"group-size: 1", "group-size: 0",
     "lab.yaml:31:17: found '0', expected a number from 1 to 256"},
    {"group-size: 1", "group: 1",
     "lab.yaml:31:5: found unknown key 'group', expected one of name, policy, group-size, rounds, "
     "ports, ttl, stale, last-resort, servers"},
    {"rounds: 3", "rounds: 1001", "lab.yaml:32:13: found '1001', expected a number from 1 to 1000"},
    {"ports: [1755, 80]", "ports: [1755, 65536]",
     "lab.yaml:33:19: found '65536', expected a number from 1 to 65535"},
    {"ports: [1755, 80]", "ports: [1755, [80]]",
     "lab.yaml:33:19: found a list, expected a number from 1 to 65535"},
    {"ports: [1755, 80]", "ports: {rtsp: 1755}",
     "lab.yaml:33:12: found a map, expected a list of 1 to 8 ports"},
    {"    ports: [80]\n", "", "lab.yaml:38:3: found no 'ports', expected a list of 1 to 8 ports"},
    {"ttl: 1m", "ttl: 1 m",
     "lab.yaml:34:10: found '1 m', expected a duration from 0s to 24h in whole seconds"},
    {"ttl: 1m", "ttl: 1d",
     "lab.yaml:34:10: found '1d', expected a duration from 0s to 24h in whole seconds"},
    {"ttl: 1m",
     "ttl:", "lab.yaml:34:9: found nothing, expected a duration from 0s to 24h in whole seconds"},
    {"stale: 1500ms", "stale: 60001ms",
     "lab.yaml:35:12: found '60001ms', expected a duration from 500ms to 1m"},
    {"[203.0.113.1, 2001:db8::1]", "''",
     "lab.yaml:36:18: found nothing, expected last-known-good, all, servfail or a list of "
     "addresses"},
    {"[203.0.113.1, 2001:db8::1]", "[all]",
     "lab.yaml:36:19: found 'all', expected the IPv4 or IPv6 address of a host"},
    {"[203.0.113.1, 2001:db8::1]", "203.0.113.1",
     "lab.yaml:36:18: found '203.0.113.1', expected last-known-good, all, servfail or a list of "
     "addresses"},
    {"[203.0.113.1, 2001:db8::1]",
     "[10.0.0.1, 10.0.0.2, 10.0.0.3, 10.0.0.4, 10.0.0.5, 10.0.0.6, 10.0.0.7, 10.0.0.8, 10.0.0.9]",
     "lab.yaml:36:18: found a list of 9, expected a list of 1 to 8 addresses"},
    {"[media2, media1]", "media1",
     "lab.yaml:37:14: found 'media1', expected a list of servers, or all"},
    {"[media2, media1]", "[media2, '']",
     "lab.yaml:37:23: found nothing, expected one of the servers"},
    {"[media2, media1]", "[media2, Media1]",
     "lab.yaml:37:23: found unknown server 'Media1', did you mean 'media1'?"},
    {"[media2, media1]", "", "lab.yaml:37:13: found nothing, expected a list of servers, or all"},
    {"pools:\n", "pool:\n", "lab.yaml:27:1: found unknown key 'pool', did you mean 'pools'?"},
    {"    group-size: 1\n", "\tgroup-size: 1\n", "lab.yaml:31:1: found a tab, expected spaces"},
    {"    rounds: 3\n", "     rounds: 3\n",
     "lab.yaml:31:17: found a text that goes on in the next line, expected its end in this one (a "
     "quote, comma, colon or bracket may be missing, or the next line indented too far)"},
    {"    rounds: 3\n", "   rounds: 3\n",
     "lab.yaml:32:4: found no key, expected one in the same column as the others of its map; the "
     "map begins in line 28"},
    {"    rounds: 3\n", "    rounds 3\n",
     "lab.yaml:32:5: found a text without ': ' behind it, expected 'key: value'"},
    {"    rounds: 3\n", "    rounds:3\n",
     "lab.yaml:32:5: found a text without ': ' behind it, expected 'key: value'"},
    {"\"" KEY1 "\"", "\"" KEY1,
     "lab.yaml:9:10: found a text that goes on in the next line, expected its end in this one (a "
     "quote, comma, colon or bracket may be missing, or the next line indented too far)"},
    {"\"" KEY1 "\"", "@ne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID",
     "lab.yaml:9:10: found a character that begins no text, expected quotes around the text"},
    {"\"0000000000000000000000000000000000000000\"", "#ne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID",
     "lab.yaml:26:9: found nothing, expected a public key as tandemctl keygen prints it: 40 "
     "characters of Z85, in quotes"},
    {"[1755, 80]", "[1755, 80",
     "lab.yaml:33:19: found a text that goes on in the next line, expected its end in this one (a "
     "quote, comma, colon or bracket may be missing, or the next line indented too far)"},
    {"[1755, 80]", "1755, 80]",
     "lab.yaml:33:12: found '1755, 80]', expected a list of 1 to 8 ports"},
    {"servers: [media2, media1]", "servers: [media2 media1]",
     "lab.yaml:37:15: found 'media2 media1', expected one of the servers"},
    {"servers: [media2, media1]", "servers: - media2",
     "lab.yaml:37:14: found '-' within a line, expected a line for each element"},
    {"servers: all\n", "servers: all\n---\nformat: 1\n",
     "lab.yaml:42:1: found a second document, expected one"},
    {"servers: all\n", "servers: [media1\n",
     "lab.yaml:41:14: found neither ',' nor the closing bracket, expected one of them"},
    {"servers: all\n", "servers: 'all\n",
     "lab.yaml:41:14: found a quote without its end, expected another in the same line"},
    {"cluster: tandem-lab", "cluster: tandem-\xe4",
     "lab.yaml:2:18: found a byte that no text has, expected printable UTF-8"},
    {"cluster: tandem-lab", "cluster: tandem-\xc3\xa4",
     "lab.yaml:2:10: found 'tandem-\xc3\xa4', expected a name of 1 to 30 of a-z, 0-9 and inner "
     "'-'"},
    {"format: 1", "{a: {b: {c: {d: {e: {f: {g: {h: 1}}}}}}}}: 1",
     "lab.yaml:1:1: found a list or map as a key, expected a word"},
    {"format: 1", "format: {a: {b: {c: {d: {e: {f: {g: {h: 1}}}}}}}}",
     "lab.yaml:1:37: found more than 8 levels, expected fewer"},
};

START_TEST(every_mistake_is_told_at_its_word)
{
    struct document document;
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        const struct mistake *mistake = &mistakes[i];
        ck_assert_msg(!parse(&document, with(mistake->from, mistake->to)), "taken: %s",
                      mistake->to);
        ck_assert_str_eq(error, mistake->error);
    }
}
END_TEST

/* ---- mistakes that need a document of their own ---- */

#define SOLO "format: 1\ncluster: solo\nnodes: {ns1: {own: 10.0.0.1, home: 10.0.0.2}}\n"

static const struct {
    const char *text, *error;
} documents[] = {
    {"", "lab.yaml:1:1: found nothing, expected a map"},
    {"[]", "lab.yaml:1:1: found an empty list, expected a map"},
    {"format: 1\ncluster: two\nnodes:\n  ns1: {own: 10.0.0.1, home: 10.0.0.2}\n"
     "  ns2: {own: 10.0.0.3, home: 10.0.0.4}\n",
     "lab.yaml:4:3: found no 'key', expected the public key of a node that has a partner or "
     "servers"},
    {SOLO "servers: {m1: {addresses: 10.0.0.5, capacity: 1, key: \"" KEY1 "\"}}\n",
     "lab.yaml:3:9: found no 'key', expected the public key of a node that has a partner or "
     "servers"},
    {SOLO "zones: {e: e}\npools: {p: {name: p.e, ports: [80], servers: [m1]}}\n",
     "lab.yaml:5:47: found 'm1', expected one of the servers"},
    {SOLO "pools: {p: {name: p.e, ports: [80], servers: all}}\n",
     "lab.yaml:4:19: found 'p.e', expected a domain name within one of the zones"},
    {SOLO "zones: [e]\n", "lab.yaml:4:8: found a list, expected a map of zones to their files"},
    {SOLO "pools: [p]\n", "lab.yaml:4:8: found a list, expected a map of pools"},
    {SOLO "pools: {p: stream}\n", "lab.yaml:4:12: found 'stream', expected a map"},
    {SOLO "servers: {m1: 10.0.0.5}\n", "lab.yaml:4:15: found '10.0.0.5', expected a map"},
    {SOLO "servers: {m1: }\n", "lab.yaml:4:15: found nothing, expected a map"},
    {SOLO "paths: /etc\n", "lab.yaml:4:8: found '/etc', expected a map"},
    {SOLO "replication: {port: 1023}\n",
     "lab.yaml:4:21: found '1023', expected a number from 1024 to 65535"},
    {SOLO "failover: {beat-port: 1023}\n",
     "lab.yaml:4:23: found '1023', expected a number from 1024 to 65535"},
    {SOLO "failover: {tripwire-port: 1023}\n",
     "lab.yaml:4:27: found '1023', expected a number from 1024 to 65535"},
    {SOLO "servers: all\n", "lab.yaml:4:10: found 'all', expected a map of servers"},
    {SOLO "dns: {port: 7353}\n",
     "lab.yaml:4:13: found port 7353 for dns and replication, expected two ports"},
    {SOLO "dns: {port: 7354}\n",
     "lab.yaml:4:13: found port 7354 for dns and failover, expected two ports"},
    {SOLO "replication: {port: 7354}\n",
     "lab.yaml:4:21: found port 7354 for replication and failover, expected two ports"},
    {SOLO "failover: {interval: 9ms}\n",
     "lab.yaml:4:22: found '9ms', expected a duration from 10ms to 1s"},
};

START_TEST(every_document_that_cannot_be_is_refused)
{
    struct document document;
    for (size_t i = 0; i < sizeof documents / sizeof *documents; i++) {
        ck_assert_msg(!parse(&document, documents[i].text), "taken: %s", documents[i].text);
        ck_assert_str_eq(error, documents[i].error);
    }
}
END_TEST

/* The document with one section more, of `count` entries. */
static const char *with_entries(const char *section, size_t count, const char *entry)
{
    size_t used = (size_t)snprintf(text, sizeof text, SOLO "%s:\n", section);
    for (size_t i = 0; i < count; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "  n%zu: %s\n", i, entry);
    return text;
}

START_TEST(more_entries_than_there_may_be_are_told_at_their_section)
{
    struct document document;
    ck_assert(!parse(&document, with_entries("servers", DOCUMENT_SERVERS_MAX + 1, "{}")));
    ck_assert_str_eq(error, "lab.yaml:4:1: found 16385 servers, expected at most 16384");
    ck_assert(!parse(&document, with_entries("servers", DOCUMENT_SERVERS_MAX, "{}")));
    ck_assert_str_eq(error, "lab.yaml:5:3: found no 'addresses', expected an address, or a list of "
                            "one IPv4 and one IPv6 address");
    ck_assert(!parse(&document, with_entries("pools", DOCUMENT_POOLS_MAX + 1, "{}")));
    ck_assert_str_eq(error, "lab.yaml:4:1: found 1025 pools, expected at most 1024");
    ck_assert(!parse(&document, with_entries("pools", DOCUMENT_POOLS_MAX, "{}")));
    ck_assert_str_eq(error, "lab.yaml:5:3: found no 'name', expected a domain name within one of "
                            "the zones");
    ck_assert(!parse(&document, with_entries("zones", DOCUMENT_ZONES_MAX + 1, "f")));
    ck_assert_str_eq(error, "lab.yaml:4:1: found 65537 zones, expected at most 65536");
    ck_assert_msg(parse(&document, with_entries("zones", DOCUMENT_ZONES_MAX, "f")), "%s", error);
    ck_assert_uint_eq(document.zone_count, DOCUMENT_ZONES_MAX);
}
END_TEST

START_TEST(more_bytes_than_a_document_may_have_are_refused_unread)
{
    struct document document;
    memset(text, '#', DOCUMENT_SIZE_MAX + 1);
    ck_assert(!parse_sized(&document, text, DOCUMENT_SIZE_MAX + 1, DOCUMENT_ARENA_SIZE));
    ck_assert_str_eq(error, "lab.yaml:1:1: found 16777217 bytes, expected at most 16777216");
    ck_assert(!parse_sized(&document, text, DOCUMENT_SIZE_MAX, DOCUMENT_ARENA_SIZE));
    ck_assert_str_eq(error, "lab.yaml:1:1: found 131072 bytes without a value behind this place, "
                            "expected fewer");
}
END_TEST

START_TEST(an_exhausted_arena_is_told_at_every_size)
{
    struct document document;
    size_t size = 0;
    while (!parse_sized(&document, good, sizeof good - 1, size)) {
        ck_assert_msg(strstr(error, "memory") != NULL, "%s", error);
        size += 16;
    }
    ck_assert_uint_lt(size, 1 << 20);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("replication/document_check");
    SUITE_CASE(suite, "mistakes", every_mistake_is_told_at_its_word,
               every_document_that_cannot_be_is_refused,
               more_entries_than_there_may_be_are_told_at_their_section,
               more_bytes_than_a_document_may_have_are_refused_unread,
               an_exhausted_arena_is_told_at_every_size);
    return suite_run(suite);
}
