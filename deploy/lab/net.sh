# shellcheck shell=bash
# deploy/lab/net.sh: the lab's hosts, each a network namespace, and the links between them.
#
#        lan (a bridge, in LAB-lan; its ports bear the hosts' names)
#    -----+---------+---------+-- ... --+-----------+------
#         | lan     | lan     | lan     | lan       | lan
#        ns1       ns2     media1 .. mediaN      client   gw
#         |  pair   |
#         +---------+
# shellcheck disable=SC2154 # lab and state are set by deploy/pair

hosts() {
    local i servers
    servers=$(setting servers)
    echo ns1
    echo ns2
    for ((i = 1; i <= servers; i++)); do
        echo "media$i"
    done
    echo client
    echo gw
}

# The last part of a host's addresses, the same in 192.0.2.x and 2001:db8:53::x.
host_number() {
    case $1 in
    gw) echo 1 ;;
    ns1) echo 11 ;;
    ns2) echo 12 ;;
    media*) echo $((100 + ${1#media})) ;;
    client) echo 201 ;;
    esac
}

is_host() {
    [[ " $(hosts | tr '\n' ' ') " == *" $1 "* ]]
}

is_node() {
    [ "$1" = ns1 ] || [ "$1" = ns2 ]
}

# inside HOST COMMAND...: run it in that host's network.
inside() {
    local host=$1
    shift
    nsenter --net="/run/netns/$lab-$host" -- "$@"
}

# IPv6 without waiting: no duplicate address detection, no router solicitations. Before the link is
# there: it begins with what is the default then.
quick_ipv6() {
    # shellcheck disable=SC2016 # $i is the inner shell's
    inside "$1" sh -c 'cd /proc/sys/net/ipv6/conf && for i in \
        all/accept_dad all/dad_transmits all/accept_ra all/router_solicitations \
        default/accept_dad default/dad_transmits default/accept_ra default/router_solicitations
        do echo 0 >$i; done'
}

# net_make_namespaces HOST...: those that are missing.
net_make_namespaces() {
    local host text=''
    for host; do
        [ -e "/run/netns/$lab-$host" ] || text+="netns add $lab-$host"$'\n'
    done
    # The first namespace of a machine makes /run/netns a mount point; that may happen but once.
    [ -z "$text" ] || flock /run ip -batch - <<<"$text" ||
        fail "cannot make namespaces $lab-...: the kernel needs CONFIG_NET_NS, and root is needed"
}

net_lan() {
    net_make_namespaces lan
    ! ip -n "$lab-lan" link show lan >/dev/null 2>&1 || return 0
    inside lan sh -c 'echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6'
    ip -n "$lab-lan" -batch - <<END || fail "cannot make a bridge: the kernel needs CONFIG_BRIDGE"
link add lan type bridge stp_state 0 forward_delay 0 mcast_snooping 0
link set lan up
END
}

net_address() {
    local host=$1 number routes=''
    number=$(host_number "$host")
    [ "$host" = gw ] || routes="route add 0.0.0.0/0 via 192.0.2.1
route add ::/0 via 2001:db8:53::1"
    ip -n "$lab-$host" -batch - <<END || fail "cannot give $host its addresses and routes"
link set lo up
addr add 192.0.2.$number/24 dev lan
addr add 2001:db8:53::$number/64 dev lan nodad
link set lan up
$routes
END
    ! is_node "$host" || inside "$host" sh -c 'cd /proc/sys/net/ipv4/conf/lan &&
        echo 1 >arp_ignore && echo 2 >arp_announce' # as tandemctl doctor asks for
}

# net_hosts HOST...: what is missing of them. Each command costs a process, so one does for all.
net_hosts() {
    local host links text='' new=()
    net_make_namespaces "$@"
    links=$(ip -n "$lab-lan" -o link show)
    for host; do
        [[ $links != *" $host@"* ]] || continue
        quick_ipv6 "$host"
        text+="link add $host type veth peer name lan netns $lab-$host"$'\n'
        text+="link set $host master lan up"$'\n'
        new+=("$host")
    done
    [ -z "$text" ] || ip -n "$lab-lan" -batch - <<<"$text" ||
        fail "cannot link ${new[*]}: the kernel needs CONFIG_VETH"
    for host in "${new[@]}"; do
        net_address "$host"
    done
}

net_pair() {
    ! ip -n "$lab-ns1" link show pair >/dev/null 2>&1 || return 0
    ip -n "$lab-ns1" link add pair type veth peer name pair netns "$lab-ns2"
    ip -n "$lab-ns1" -batch - <<END
addr add 198.51.100.1/30 dev pair
link set pair up
END
    ip -n "$lab-ns2" -batch - <<END || fail "cannot make the pair link"
addr add 198.51.100.2/30 dev pair
link set pair up
END
}

net_up() {
    net_lan
    # shellcheck disable=SC2046 # one word a host
    net_hosts $(hosts)
    net_pair
    # A client that closes many connections may use their ports again at once.
    inside client sh -c 'cd /proc/sys/net/ipv4 && echo 1 >tcp_tw_reuse
        echo 1024 65535 >ip_local_port_range'
}

# The namespaces of this lab that exist, whatever the state says: a crash may have lost it.
net_namespaces() {
    ip netns list 2>/dev/null | awk '{ print $1 }' |
        grep -xE -- "$lab-(lan|ns1|ns2|media[0-9]+|client|gw)"
}

# The processes in them, by one look at all that run.
net_pids() {
    local files
    mapfile -t files < <(net_namespaces | sed 's|^|/run/netns/|')
    { stat -Lc %i /dev/null "${files[@]}"; stat -Lc '%i %n' /proc/[0-9]*/ns/net; } 2>/dev/null |
        awk -F '[ /]' 'NF == 1 { ours[$1] } NF > 1 && $1 in ours { print $4 }'
}

net_down() {
    net_namespaces | sed 's/^/netns del /' | ip -batch -
}
