/* health/agent/joining.h -- `tandem-agent join TOKEN`: makes this server one of a pool's.
 *
 * Makes a key, tells either node of the token's secret under it, and writes the configuration that
 * `tandem-agent --config` then runs with. It may be given again: the same key asks for the same. */
#ifndef TANDEM_HEALTH_AGENT_JOINING_H
#define TANDEM_HEALTH_AGENT_JOINING_H

/* argv[0] is "join". Writes one sentence to whoever gave it. The exit status: 0 joined, 1 refused
 * by a node, 100 usage, 111 the system. */
int joining(int argc, char **argv);

#endif
