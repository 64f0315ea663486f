/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The arguments of BoostProcess and BoostProcessByPIDFd that say how a boost is to be, checked: any
 * client can send anything here. What is to be boosted is in bus-methods.c.
 */
#ifndef RUSTLANDD_BOOST_OPTIONS_H
#define RUSTLANDD_BOOST_OPTIONS_H

#include <glib.h>

#include "daemon/boost/boost.h"

/*
 * Sets what the caller may choose of a new boost: scope, reason, app_id and timeout_us. options:
 * a{sv}. ret_by_client: it ends with its caller. Fails with G_DBUS_ERROR_INVALID_ARGS.
 */
gboolean boost_options_parse(struct boost *boost, gboolean *ret_by_client, const char *scope,
			     const char *reason, GVariant *options, GError **error);

#endif /* RUSTLANDD_BOOST_OPTIONS_H */
