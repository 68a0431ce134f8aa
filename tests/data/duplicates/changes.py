"""Films, and what happens to copies of them."""

import cv2
import numpy as np

from keras_cxr.phantoms.draw import CLASS_NAMES, draw_phantom

SIDE = 160


def drawn(number):
    name = CLASS_NAMES[number % 4]
    return name, draw_phantom(name, number, image_size=SIDE).image


FILMS = [drawn(number) for number in range(20)]


def compressed(image, quality):
    return cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], 0)


def resized(image):
    return cv2.resize(image, (96, 104), interpolation=cv2.INTER_AREA)


def cropped(image):
    return image[3:-8, 9:-2]


def shifted(image):
    return cv2.warpAffine(image, np.float32([[1, 0, 5], [0, 1, -4]]), (SIDE, SIDE))


def levels(image, slope, offset):
    return np.uint8(np.clip(np.rint(image * slope + offset), 0, 255))


def lettered(image):
    return cv2.putText(image.copy(), "R  AP 7", (8, 30), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 255, 2)


def small(image):
    return cv2.resize(image, (64, 64), interpolation=cv2.INTER_AREA)
