/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The exports of another version of the connector for the crate `connector`.
 */
#ifndef CN_OTHER_CORE_H
#define CN_OTHER_CORE_H

#include "cn_glue.h"

extern typeof(cn_core_send) cn_core_0_send;

#endif
