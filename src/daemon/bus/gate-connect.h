/* SPDX-License-Identifier: GPL-2.0-only */
/* The system bus behind a gate, without waiting for it. */
#ifndef RUSTLANDD_GATE_CONNECT_H
#define RUSTLANDD_GATE_CONNECT_H

#include <gio/gio.h>

#include "daemon/bus/gate.h"

void gate_connect(GAsyncReadyCallback callback, gpointer userdata);

/* *ret_gate is to be freed after the connection. */
GDBusConnection *gate_connect_finish(GAsyncResult *result, struct gate **ret_gate, GError **error);

#endif /* RUSTLANDD_GATE_CONNECT_H */
