/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the service is called: on the bus, by polkit, and by systemd. Other programs rely on every name here,
 * and so do files of other formats: dbus/ has the interfaces and the actions, systemd/ the units. A test
 * compares them (tests/unit/test-names.c).
 *
 * What methods and properties are called is in the interface's description alone: the code for both sides is
 * made from it, see dbus/.
 */
#ifndef RUSTLAND_COMMON_NAMES_H
#define RUSTLAND_COMMON_NAMES_H

#define SERVICE_NAME	  "org.scx.Rustland"
#define SERVICE_PATH	  "/org/scx/Rustland"
#define SERVICE_INTERFACE "org.scx.Rustland"
/* Who may have that name besides root. */
#define SERVICE_USER "scx-rustland"
#define SERVICE_UNIT "scx-rustland.service"

/* What the names of the service's own errors begin with. */
#define SERVICE_ERRORS "org.scx.Rustland.Error."

/* polkit's actions. */
#define ACTION_BOOST_OWN   "org.scx.rustland.boost-own"
#define ACTION_BOOST_OTHER "org.scx.rustland.boost-other"
#define ACTION_SET_PROFILE "org.scx.rustland.set-profile"
#define ACTION_MANAGE	   "org.scx.rustland.manage"

/* The name, the interface and the object of system76-scheduler, for whose clients we stand in. */
#define SYSTEM76_NAME "com.system76.Scheduler"
#define SYSTEM76_PATH "/com/system76/Scheduler"

#endif /* RUSTLAND_COMMON_NAMES_H */
