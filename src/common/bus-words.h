/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Words that the service and its clients exchange as plain text, so that no compiler and no description of the
 * interface compares them: keys of dictionaries, values with a fixed set of words, and the parts of
 * refusals by which rustlandctl knows what would help. org.scx.Rustland(7) documents all but the last.
 */
#ifndef RUSTLAND_COMMON_BUS_WORDS_H
#define RUSTLAND_COMMON_BUS_WORDS_H

/* In the options of a boost and in its description. */
#define BOOST_KEY_COOKIE   "Cookie"
#define BOOST_KEY_PID	   "Pid"
#define BOOST_KEY_APP_ID   "AppId"
#define BOOST_KEY_LIFETIME "Lifetime"
#define BOOST_KEY_TIMEOUT  "TimeoutUSec"
#define BOOST_KEY_CLIENT   "Client"

/* What is boosted. */
#define SCOPE_WORD_PROCESS "process"
#define SCOPE_WORD_TREE	   "tree"
#define SCOPE_WORD_CGROUP  "cgroup"

/* With what a boost ends at the latest. */
#define LIFETIME_WORD_PROCESS "process"
#define LIFETIME_WORD_CLIENT  "client"

/* Of the words for why a boost has ended, the one that is not about the boost: the service stops. */
#define END_WORD_SHUTDOWN "shutdown"

/* Parts of what AccessDenied says. */
#define REFUSAL_NO_POLKIT   "polkit cannot be asked"
#define REFUSAL_SLOW_POLKIT "polkit did not answer in time"
#define REFUSAL_CHALLENGE   "has to authenticate"

#endif /* RUSTLAND_COMMON_BUS_WORDS_H */
