/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_watch_peers.c - wakes supervisord the instant a program dies.
 *
 * supervisord 4.2 sleeps in poll() for up to a second between looks at its children, but
 * output of a child wakes it.  This program is a child: it holds pidfds of its siblings and
 * writes when one becomes readable.  One wake-up reaps, the next one starts anew, hence
 * the few empty lines after the first.
 */
#include <errno.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "flightctl/ctl.h"

#define NUDGE_MS 4
#define NUDGE_MAX 100
#define LOOK_MS 100
#define SETTLED_MS 1000

struct peer {
	char comm[32];
	pid_t pid;
	int fd;
};

static void
find_peer(pid_t parent, struct peer *peer)
{
	peer->pid = super_child(parent, peer->comm);
	peer->fd = peer->pid > 0 ? (int)syscall(SYS_pidfd_open, peer->pid, 0) : -1;
	if (peer->fd < 0)
		peer->pid = 0;
}

static void
nudge(const char *text)
{
	if (write(STDOUT_FILENO, text, strlen(text)) < 0)
		return; /* supervisord is gone: the parent's pidfd says so too */
}

/* A peer died: writes until its successor is there, or it is clear that none comes. */
static void
report_death(pid_t parent, struct peer *peer)
{
	char line[96];

	snprintf(line, sizeof(line), "%.30s[%d] ended\n", peer->comm, (int)peer->pid);
	close(peer->fd);
	peer->pid = 0;
	peer->fd = -1;
	for (int i = 0; i < NUDGE_MAX && getppid() == parent; i++) {
		nudge(i == 0 ? line : "\n");
		poll(NULL, 0, NUDGE_MS);
		find_peer(parent, peer);
		if (peer->fd < 0)
			continue;
		/* The old one may still be waiting to be reaped. */
		if (poll(&(struct pollfd){.fd = peer->fd, .events = POLLIN}, 1, 0) == 0)
			return;
		close(peer->fd);
		peer->pid = 0;
		peer->fd = -1;
	}
}

int
cmd_watch_peers(struct ctl *ctl)
{
	struct peer peers[FL_PROGRAM_COUNT] = {0};
	pid_t parent = fl_program_parent();
	const char *value;
	int parent_fd;

	if (ctl_next_option(ctl, &value) != NULL || !ctl_need_args(ctl, 0, 0))
		return ctl->status;
	if (parent == 0)
		return CTL_OK; /* supervisord died before we came */
	parent_fd = (int)syscall(SYS_pidfd_open, parent, 0);
	if (parent_fd < 0 || getppid() != parent)
		return CTL_FAILED;
	for (uint32_t i = 0; i < FL_ARRAY_COUNT(peers); i++) {
		snprintf(peers[i].comm, sizeof(peers[i].comm), "flight-%s", fl_programs[i]);
		peers[i].fd = -1;
	}
	for (;;) {
		struct pollfd fds[FL_ARRAY_COUNT(peers) + 1] = {
		    {.fd = parent_fd, .events = POLLIN}};
		int wait_ms = SETTLED_MS;

		for (uint32_t i = 0; i < FL_ARRAY_COUNT(peers); i++) {
			if (peers[i].fd < 0)
				find_peer(parent, &peers[i]);
			/* Not every instance has a serve. */
			if (i < FL_WRITER_COUNT && peers[i].fd < 0)
				wait_ms = LOOK_MS;
			fds[i + 1] = (struct pollfd){.fd = peers[i].fd, .events = POLLIN};
		}
		if (poll(fds, FL_ARRAY_COUNT(fds), wait_ms) < 0 && errno != EINTR)
			return CTL_FAILED;
		if (fds[0].revents != 0)
			break;
		for (uint32_t i = 0; i < FL_ARRAY_COUNT(peers); i++)
			if (fds[i + 1].revents != 0)
				report_death(parent, &peers[i]);
	}
	return CTL_OK; /* supervisord is gone; the programs follow it by themselves */
}
